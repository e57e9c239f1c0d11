// SPDX-License-Identifier: BSL-1.0
// authority: a host and a port, as in a Host field and in an http URI.
#pragma once

#include <optional>
#include <string_view>

namespace snipass::http {

// host_of is the host in the text (RFC 3986 section 3.2, without userinfo), as written; an IPv6 address has
// its brackets. nullopt: the text is no host with a port or without. Escapes in a host are not taken, as
// servers may resolve them or not, nor are addresses of a later version than 6.
[[nodiscard]] std::optional<std::string_view> host_of(std::string_view authority);

} // namespace snipass::http
