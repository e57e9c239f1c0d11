// SPDX-License-Identifier: BSL-1.0
// handshake: the client's side of TLS, which looks at what a server shows. Private to live.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/certificates/certificate.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/terminate/openssl.hpp"
#include "snipass/terminate/wire.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace snipass::live {

// shown is what a server has shown.
struct shown {
    std::string problem{}; // why there was no handshake; empty: there was
    bool is_late = false;  // the time was over
    certificates::x509 leaf{};
    std::string version{};
    std::string alpn{}; // the protocol chosen; empty: none
};

// handshake is one connection. Its hello is sent when it is made, so that it lies in the socket when somebody
// is given the other end.
class handshake {
  public:
    handshake(os::unique_fd connection, const std::string& name, const std::vector<std::string>& alpn);

    // finish waits for the end. Nobody is asked whether he trusts the certificate.
    [[nodiscard]] shown finish(std::chrono::steady_clock::time_point deadline);

    [[nodiscard]] int socket() const noexcept { return connection_.get(); }

  private:
    [[nodiscard]] int step();

    os::unique_fd connection_;
    terminate::wire wire_;
    terminate::ssl_context_ptr context_;
    terminate::ssl_ptr ssl_;
    std::string problem_;
};

// wait_for is poll(2) of one descriptor. False: the deadline is over.
[[nodiscard]] bool wait_for(int fd, short events, std::chrono::steady_clock::time_point deadline);

} // namespace snipass::live
