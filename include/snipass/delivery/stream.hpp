// SPDX-License-Identifier: BSL-1.0
// The `stream` protocol of docs/handoff.md, from the router's side.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/delivery/attempt.hpp"
#include "snipass/delivery/client_socket.hpp"
#include "snipass/net/event_loop.hpp"

#include <string_view>

namespace snipass::server {

// hand_off_stream makes one attempt: it connects to `path` and sends `header` with the client on its first
// byte, at once, and then waits for ACK until `deadline`. When that has passed, the client is taken back:
// whatever the backend does from then on, it cannot acknowledge. `client` is used until the end.
[[nodiscard]] net::task<attempt> hand_off_stream(net::event_loop& loop, std::string_view path,
                                                 client_socket& client, byte_view header,
                                                 net::time_point deadline);

} // namespace snipass::server
