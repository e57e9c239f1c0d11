// SPDX-License-Identifier: BSL-1.0
// resolve: the names in the file, without waiting.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/net/event_loop.hpp"

#include <string>
#include <vector>

namespace snipass::net {

// resolve is for names that the admin wrote (for those that strangers choose: dns_question). It asks the
// system's resolver (getaddrinfo(3): files, DNS, whatever nsswitch.conf has), on a thread of
// its own for each name, so that one that does not answer delays nobody else. The thread may outlive the
// loop: getaddrinfo cannot be cancelled, and nobody is to wait for it. Addresses that are none (unspecified,
// multicast) are left out; the families alternate, as RFC 8305 section 4 has it. An answer is never empty.
[[nodiscard]] task<result<std::vector<ip_address>>> resolve(event_loop& loop, std::string host);

// usable is what remains of an answer, in the order in which it is to be tried.
[[nodiscard]] std::vector<ip_address> usable(const std::vector<ip_address>& answer);

// ipv6_comes_first: where a name has addresses of both families, and `from` is where a connection to `to`,
// its IPv6 address, would come from (os::source_towards). It is RFC 6724's answer with its default policy:
// IPv6, unless there is no way there (rule 1) or only from an address of another kind (rule 5), as a ULA is.
[[nodiscard]] bool ipv6_comes_first(const ip_address& to, const result<ip_address>& from);

} // namespace snipass::net
