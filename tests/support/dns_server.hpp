// SPDX-License-Identifier: BSL-1.0
// dns_server: a DNS server on loopback in the hands of a test.
#pragma once

#include "snipass/os/unique_fd.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace snipass::testing {

// It answers only when told to: what has been asked until then, and has a reply by then.
class dns_server {
  public:
    struct reply {
        std::vector<std::string> addresses; // those of the family that is asked for are in the answer
        int code = 0;                       // 2: SERVFAIL, 3: NXDOMAIN
        bool is_truncated = false;
    };

    dns_server();

    // Names are without the dot at the end.
    std::map<std::string, reply, std::less<>> replies;

    [[nodiscard]] std::string address() const; // "127.0.0.1:5353"

    void serve();
    void lose(); // what has no reply yet

    [[nodiscard]] const std::vector<std::string>& asked() const noexcept { return asked_; } // all since ever
    [[nodiscard]] std::size_t ports_seen() const noexcept { return ports_.size(); }

  private:
    struct question {
        std::string bytes;
        std::string client; // its address
    };

    bool answer(const question& one);

    os::unique_fd fd_;
    std::vector<question> open_;
    std::vector<std::string> asked_;
    std::map<unsigned, int> ports_;
};

} // namespace snipass::testing
