// SPDX-License-Identifier: BSL-1.0
// serve_in_clear: the second half of a session in snipass-tls.
#pragma once

#include "snipass/backends/configuration_snapshot.hpp"
#include "snipass/delivery/attempt.hpp"
#include "snipass/net/task.hpp"
#include "snipass/session/hearing.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace snipass::server {

// serve_in_clear takes a client that was routed to the backend `routed` (an index), ends its TLS, and has
// what it says in clear delivered. `authority` is the host name by which the router in front has routed it;
// empty: none. The snapshot has a terminator. It returns as session::answer does.
[[nodiscard]] net::task<std::optional<outcome>>
serve_in_clear(unrouted_client& client, const std::shared_ptr<configuration_snapshot>& snapshot,
               const std::string& authority, std::size_t routed);

} // namespace snipass::server
