// SPDX-License-Identifier: BSL-1.0
// Which addresses belong to the public internet.
#pragma once

#include "snipass/base/ip_address.hpp"

#include <optional>

namespace snipass {

// is_public: an address that some machine of the public internet may have (IANA's special-purpose registries,
// RFC 6890). Not loopback, private (RFC 1918, RFC 4193), shared (RFC 6598), link-local, multicast,
// documentation, benchmark or reserved ones. An IPv6 address that carries an IPv4 one (NAT64, 6to4) is what
// that one is; those that hide it (Teredo) are none.
[[nodiscard]] bool is_public(const ip_address& address) noexcept;

// carried_v4 is the IPv4 address in an IPv6 one of NAT64 or 6to4.
[[nodiscard]] std::optional<ip_address> carried_v4(const ip_address& address) noexcept;

} // namespace snipass
