// SPDX-License-Identifier: BSL-1.0
// A TLS client in the hands of a test: OpenSSL's, blocking.
#pragma once

#include "certificate_files.hpp"
#include "snipass/base/bytes.hpp"
#include "snipass/os/unique_fd.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::testing {

struct tls_wish {
    std::string name = "a.example";
    std::vector<std::string> alpn{};
    int version = 0; // TLS1_2_VERSION; 0: the best
    SSL_SESSION* session = nullptr;
    bool only_rsa = false;
    const identity* shows = nullptr; // the client's own certificate
};

// How a TLS connection ended, as its client hears it.
enum class tls_ending {
    close_notify,
    fin, // without
    failed,
};

class tls_client {
  public:
    // It takes over a connected socket.
    explicit tls_client(os::unique_fd connected, tls_wish what = {});

    // shake does the handshake. False: why() has OpenSSL's reason.
    [[nodiscard]] bool shake();
    [[nodiscard]] const std::string& why() const noexcept { return why_; }

    // shake_by_hand is shake, but for our last flight, which it returns: the test decides how that is sent,
    // and with what. Until by_socket() nothing is sent by itself.
    [[nodiscard]] std::string shake_by_hand();
    [[nodiscard]] std::string sealed(std::string_view text); // the record
    [[nodiscard]] std::string sealed_end();                  // close_notify
    void by_socket();

    void send(std::string_view text);
    [[nodiscard]] std::string receive(std::size_t n);         // exactly n bytes
    [[nodiscard]] tls_ending read_to_end(std::string& heard); // appends
    void finish();                                            // close_notify, and no FIN
    void update_key(bool both);                               // before the next bytes
    [[nodiscard]] bool renegotiate();

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] SSL* ssl() const noexcept { return ssl_.get(); }
    [[nodiscard]] std::string protocol() const; // by ALPN
    [[nodiscard]] std::string names() const;    // of the server's certificate: its CN
    [[nodiscard]] bool was_resumed() const;
    [[nodiscard]] SSL_SESSION* session() const; // the caller frees it

  private:
    struct free_one {
        void operator()(SSL* one) const noexcept { SSL_free(one); }
        void operator()(SSL_CTX* one) const noexcept { SSL_CTX_free(one); }
    };
    os::unique_fd fd_;
    std::unique_ptr<SSL_CTX, free_one> context_;
    std::unique_ptr<SSL, free_one> ssl_;
    std::string why_;
};

} // namespace snipass::testing
