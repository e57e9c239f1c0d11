// SPDX-License-Identifier: BSL-1.0
// The `stream` protocol of docs/handoff.md, from the router's side.
#pragma once

#include "snipass/backends/presence.hpp"
#include "snipass/base/bytes.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/delivery/attempt.hpp"
#include "snipass/delivery/client_socket.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/interruption.hpp"
#include "snipass/os/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace snipass::server {

// offer_by_stream connects to `path` and sends `header` with the client on its first byte. It returns the
// connection on which the answer comes. EPERM: the socket is not `owner`'s.
[[nodiscard]] result<os::unique_fd> offer_by_stream(std::string_view path, client_socket& client,
                                                    byte_view header,
                                                    const std::optional<std::uint32_t>& owner = {});

// offered is a client whose answer is waited for. All that it refers to outlives the wait.
struct offered {
    client_socket& client;
    const ip_address& source;
    net::interruption& displacement;
    const std::shared_ptr<presence>& to;
    std::size_t told = 0; // of its bytes, in the message: they are taken out of the socket on ACK
};

// answer_by_stream waits for ACK until `deadline`, or the client's displacement. Then it is taken back:
// whatever the backend does from that moment on, it cannot acknowledge. What the backend has not read by then
// is in flight, and is counted there until it has been.
[[nodiscard]] net::task<attempt> answer_by_stream(net::event_loop& loop, offered one,
                                                  os::unique_fd connection, net::time_point deadline);

} // namespace snipass::server
