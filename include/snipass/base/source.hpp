// SPDX-License-Identifier: BSL-1.0
// source: which addresses of clients are counted as one.
#pragma once

#include "snipass/base/ip_address.hpp"

namespace snipass {

// source_of is an IPv4 address itself, and of an IPv6 address the first one of its /64, which is the least
// that one customer is given (RFC 6177).
[[nodiscard]] ip_address source_of(const ip_address& client) noexcept;

} // namespace snipass
