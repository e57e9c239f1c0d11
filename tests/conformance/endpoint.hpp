// SPDX-License-Identifier: BSL-1.0
// endpoint: an address on the command line, and the sockets made from it.
#pragma once

#include "snipass/os/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace snipass::conformance {

using os::unique_fd;

struct endpoint {
    enum class kind {
        tcp,       // "127.0.0.1:443", "[::1]:443", "localhost:443"
        unix_path, // "unix:PATH"
        handoff,   // "handoff:PATH": a backend that takes sockets by the `stream` protocol of docs/handoff.md
        inherited, // "fd:N": a listening TCP socket from the parent process
    };
    kind type = kind::tcp;
    std::string host; // or the path
    std::uint16_t port = 0;
    int fd = -1;

    // parse throws std::invalid_argument.
    [[nodiscard]] static endpoint parse(std::string_view text);
};

// Non-blocking sockets. They throw std::system_error: a tool without its sockets has nothing to do.
[[nodiscard]] unique_fd listen_at(const endpoint& where);
[[nodiscard]] unique_fd connect_to(const endpoint& where);

} // namespace snipass::conformance
