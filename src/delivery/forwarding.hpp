// SPDX-License-Identifier: BSL-1.0
// forwarding: a client on its way to the host that it asked for.
#pragma once

#include "snipass/delivery/routed_client.hpp"

#include "snipass/backends/backend.hpp"
#include "snipass/delivery/attempt.hpp"

#include <variant>
#include <vector>

namespace snipass::server {

// find_hosts resolves the client's host name and returns where `to` may connect for it, checked just now.
[[nodiscard]] net::task<std::variant<not_taken, std::vector<candidate>>> find_hosts(routed_client& client,
                                                                                    backend& to);

} // namespace snipass::server
