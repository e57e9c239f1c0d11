// SPDX-License-Identifier: BSL-1.0
// reach: ways to a backend, one try each. Private to live.
#pragma once

#include "handshake.hpp"
#include "snipass/config/configuration.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace snipass::live {

// asked is what a client asks for.
struct asked {
    std::string name{}; // empty: there is no handshake
    std::vector<std::string> alpn{};
};

// tried is what came of it.
struct tried {
    std::string problem{};       // with the way to the backend, before any handshake
    std::string how{};           // that it was good, in words
    std::optional<shown> seen{}; // of a handshake
};

// hand_over gives a path a client's socket whose other end is here. By `datagram` there is no answer, and by
// `scgi` nothing is sent: it would have to be a request.
[[nodiscard]] tried hand_over(const std::string& path, const config::handoff_settings& settings,
                              const asked& what);

// connect tries one address of a proxied backend, each endpoint of a name, by what goes on over a connection.
using over_connection = std::function<tried(os::unique_fd)>;
[[nodiscard]] tried connect(const config::proxy_address& address, const config::proxy_settings& settings,
                            const over_connection& go_on);

// shake does a handshake, if a name is asked for.
[[nodiscard]] tried shake(os::unique_fd connection, const asked& what);

// knock only sees whether somebody listens there.
[[nodiscard]] tried knock(const std::string& path, const config::handoff_settings& settings);

} // namespace snipass::live
