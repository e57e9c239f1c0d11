// SPDX-License-Identifier: BSL-1.0
// source: which addresses of clients are counted as one.
#pragma once

#include "snipass/base/ip_address.hpp"

#include <boost/functional/hash.hpp>

#include <cstddef>
#include <span>

namespace snipass {

// source_of is an IPv4 address itself, and of an IPv6 address the first one of its /64, which is the least
// that one customer is given (RFC 6177).
[[nodiscard]] ip_address source_of(const ip_address& client) noexcept;

// Whoever has an IPv6 /56 or /48 has many sources, so each of these networks is one, too, with as much as
// several. source_levels are those of one client, the narrowest first.
struct source_level {
    unsigned length; // of the prefix
    std::size_t shares;
};
inline constexpr std::size_t most_source_levels = 3;
[[nodiscard]] std::span<const source_level> source_levels(const ip_address& client) noexcept;

struct prefix_hash {
    [[nodiscard]] std::size_t operator()(const ip_prefix& one) const noexcept {
        auto seed = std::size_t{one.length()};
        boost::hash_combine(seed,
                            boost::hash_range(one.address().bytes().begin(), one.address().bytes().end()));
        return seed;
    }
};

} // namespace snipass
