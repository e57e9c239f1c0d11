// SPDX-License-Identifier: BSL-1.0
// Connecting to a proxied backend.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/os/unique_fd.hpp"

#include <climits>
#include <optional>

namespace snipass::net {

struct begun_connect {
    os::unique_fd fd;
    bool connected = false; // over loopback at once; else once it is writable and has no pending_error
};

// begin_connect connects a non-blocking socket. Nagle's algorithm would hold back what follows the first
// bytes that are sent (os::send_at_once). TCP_QUICKACK is left alone: it spares an ACK at the handshake, and
// then the backend's last bytes are acknowledged late as well. Where TCP is short of memory, Linux sends a
// FIN behind such bytes only with their retransmission, 200 ms later (tcp_send_fin). `source`: the connection
// comes from this address, which need not be this machine's (IP_TRANSPARENT, ip(7): that takes CAP_NET_RAW,
// and routes by which the answers come back here), and any port. EMFILE: its descriptor would not be below
// `below`.
[[nodiscard]] result<begun_connect> begin_connect(const ip_endpoint& endpoint,
                                                  const std::optional<ip_address>& source = std::nullopt,
                                                  int below = INT_MAX);

// pending_error is SO_ERROR: how a connect that was begun has ended; EHOSTUNREACH whatever the way there
// says.
[[nodiscard]] error_code pending_error(int fd);

// connect_tcp is the whole of it; timed_out at the deadline.
[[nodiscard]] task<result<os::unique_fd>> connect_tcp(event_loop& loop, ip_endpoint endpoint,
                                                      time_point deadline);

} // namespace snipass::net
