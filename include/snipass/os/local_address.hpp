// SPDX-License-Identifier: BSL-1.0
// Which addresses are this machine's, and which of them it would use.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"

#include <cstdint>
#include <string>

namespace snipass::os {

enum class whereabouts : std::uint8_t {
    here,
    elsewhere, // or nowhere: there is no route
};

// where_is asks the kernel's routing table (rtnetlink(7)) whether what is sent to `address` stays on this
// machine, whichever interface has it. It does not wait for anybody. An error: it could not be asked, for
// which it takes a descriptor.
[[nodiscard]] result<whereabouts> where_is(const ip_address& address);

// ipv6_is_off: net.ipv6.conf.all.disable_ipv6 is set, so no interface has an IPv6 address (ip-sysctl.rst).
[[nodiscard]] bool ipv6_is_off();

// interface_with is the name of an interface that has the address, whether it can be used now or not; empty:
// none has.
[[nodiscard]] std::string interface_with(const ip_address& address);

// source_towards is the address that a connection to `address` would come from. It sends nothing. An error:
// there is no way there (ENETUNREACH and the like), or no descriptor to ask with.
[[nodiscard]] result<ip_address> source_towards(const ip_address& address);

} // namespace snipass::os
