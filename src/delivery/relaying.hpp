// SPDX-License-Identifier: BSL-1.0
// relay: a client for a backend that is connected to.
#pragma once

#include "snipass/backends/backend.hpp"
#include "snipass/delivery/attempt.hpp"
#include "snipass/delivery/routed_client.hpp"

namespace snipass::server {

// relay makes one round of the backend's addresses, which has ended `until` then, and starts the relay with
// the one that is connected to.
[[nodiscard]] net::task<attempt> relay(routed_client& client, backend& to, net::time_point until);

// removed is what becomes of a client whose backend a reload has removed, where the file says so.
[[nodiscard]] not_taken removed();

} // namespace snipass::server
