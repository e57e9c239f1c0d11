// Connecting to a proxied backend.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/os/unique_fd.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace snipass::net {

// connect_tcp connects a non-blocking socket with TCP_NODELAY; timed_out at the deadline.
[[nodiscard]] task<result<os::unique_fd>> connect_tcp(event_loop& loop, ip_endpoint endpoint,
                                                      time_point deadline);

// resolve asks the system's resolver (getaddrinfo(3), on Asio's resolver thread, so that no worker blocks).
// An IP address is its own answer.
[[nodiscard]] task<result<std::vector<ip_endpoint>>> resolve(event_loop& loop, std::string host,
                                                             std::uint16_t port, time_point deadline);

} // namespace snipass::net
