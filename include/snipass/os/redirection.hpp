// SPDX-License-Identifier: BSL-1.0
// What a client asked for, where this machine's firewall sent it elsewhere.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"

namespace snipass::os {

// destination_of is what an accepted client connected to: the address before this machine's firewall
// redirected it (REDIRECT, DNAT), where connections are tracked, else local_endpoint.
[[nodiscard]] result<ip_endpoint> destination_of(int client);

} // namespace snipass::os
