// SPDX-License-Identifier: BSL-1.0
// hand_off: a client whose socket a process of this machine is to have.
#pragma once

#include "snipass/backends/backend.hpp"
#include "snipass/delivery/attempt.hpp"
#include "snipass/delivery/routed_client.hpp"

namespace snipass::server {

// hand_off makes one round of the backend's paths. One that is full is asked again for a while, and the round
// has ended `until` then.
[[nodiscard]] net::task<attempt> hand_off(routed_client& client, backend& to, net::time_point until);

} // namespace snipass::server
