// SPDX-License-Identifier: BSL-1.0
// The token buckets of many networks.
#include "snipass/base/rate_table.hpp"

#include "snipass/base/source.hpp"

#include <algorithm>
#include <bit>

namespace snipass {

rate_table::rate_table(std::size_t networks, std::uint64_t key)
    : key_(key), entries_(std::bit_ceil(std::max(networks, ways))) {}

// A prefix_hash has its best bits nowhere in particular; multiplied they are at the top (Fibonacci hashing).
std::span<rate_table::entry> rate_table::places_of(const ip_prefix& network) noexcept {
    constexpr std::uint64_t golden = 0x9E37'79B9'7F4A'7C15;
    const auto sets = entries_.size() / ways;
    const auto mixed = (prefix_hash{}(network) ^ key_) * golden;
    const auto at = sets == 1 ? 0 : mixed >> (64 - std::countr_zero(sets));
    return {entries_.data() + at * ways, ways};
}

bool rate_table::take(const ip_prefix& network, const rate& limit, moment now) {
    const auto places = places_of(network);
    const auto known = std::ranges::find(places, network, &entry::network);
    if (known != places.end())
        return known->bucket.take(limit, now);
    const auto goes =
        std::ranges::min_element(places, {}, [](const entry& one) { return one.bucket.full_at(); });
    *goes = {network, {}};
    return goes->bucket.take(limit, now);
}

void rate_table::give_back(const ip_prefix& network, const rate& limit) {
    const auto places = places_of(network);
    const auto known = std::ranges::find(places, network, &entry::network);
    if (known != places.end())
        known->bucket.give_back(limit);
}

std::size_t rate_table::size() const noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(entries_, [](const entry& one) { return one.bucket.full_at() > moment{}; }));
}

} // namespace snipass
