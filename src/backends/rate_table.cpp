// SPDX-License-Identifier: BSL-1.0
// The token buckets of many sources, without a lock.
#include "snipass/backends/rate_table.hpp"

#include <algorithm>
#include <bit>

namespace snipass::server {
namespace {

constexpr std::size_t ways = 8;

// The levels of one source are told apart by the set that they stand in, so there are four at least.
constexpr std::size_t fewest = 4 * ways;

// Whoever meets so many others in one place gets in uncounted: nobody waits, and nobody goes round for ever.
constexpr unsigned most_tries = 16;

// first_bytes are the 64 bits by which sources of one level differ.
std::uint64_t first_bytes(const ip_prefix& network) noexcept {
    const auto& bytes = network.address().bytes();
    std::uint64_t number = 0;
    for (std::size_t i = 0, from = network.address().is_v4() ? 8 : 0; i < 8; ++i)
        number = number << 8U | bytes[from + i];
    return number;
}

std::size_t level_of(const ip_prefix& network) noexcept {
    if (network.address().is_v4())
        return 0;
    return network.length() > 56 ? 1 : network.length() > 48 ? 2 : 3;
}

} // namespace

static_assert(std::atomic<token_bucket>::is_always_lock_free);

rate_table::rate_table(std::size_t networks, std::uint64_t key)
    : key_(key), entries_(std::bit_ceil(std::max(networks, fewest))) {}

// A product's best bits are at its top. Which addresses meet in a set nobody knows without the key.
rate_table::places rate_table::places_of(const ip_prefix& network) noexcept {
    constexpr std::uint64_t golden = 0x9E37'79B9'7F4A'7C15;
    const auto sets = entries_.size() / ways;
    const auto whose = first_bytes(network) ^ key_;
    const auto mixed = whose * golden;
    const auto set = ((mixed ^ mixed >> 32U) * (key_ | 1U)) >> (64 - std::countr_zero(sets));
    const auto at = set ^ level_of(network) * (sets / 4);
    return {whose, {entries_.data() + at * ways, ways}};
}

rate_table::entry* rate_table::places::find() const noexcept {
    const auto found = std::ranges::find_if(all, [this](const entry& one) { return one.whose == whose; });
    return found == all.end() ? nullptr : &*found;
}

// claim makes one of the places the network's, unless somebody else was quicker. Its bucket is full before it
// is the network's: only who takes from a place that has changed hands meanwhile may leave it otherwise,
// until he sees it.
void rate_table::places::claim() const noexcept {
    auto* goes = &all.front();
    auto least = goes->bucket.load();
    for (auto& one : all.subspan(1))
        if (const auto bucket = one.bucket.load(); bucket.full_at() < least.full_at()) {
            goes = &one;
            least = bucket;
        }
    auto before = goes->whose.load();
    if (goes->bucket.compare_exchange_strong(least, token_bucket{}))
        (void)goes->whose.compare_exchange_strong(before, whose);
}

void rate_table::entry::give_back(const rate& limit) noexcept {
    auto before = bucket.load();
    auto after = before;
    do {
        after = before;
        after.give_back(limit);
    } while (!bucket.compare_exchange_weak(before, after));
}

// take_of: nothing where the place has become another network's.
std::optional<bool> rate_table::places::take_of(entry& its, const rate& limit, moment now) const noexcept {
    auto before = its.bucket.load();
    auto after = before;
    bool is_taken = false;
    do {
        after = before;
        is_taken = after.take(limit, now);
    } while (is_taken && !its.bucket.compare_exchange_weak(before, after));
    if (its.whose == whose)
        return is_taken;
    if (is_taken)
        its.give_back(limit);
    return std::nullopt;
}

bool rate_table::take(const ip_prefix& network, const rate& limit, moment now) noexcept {
    const auto here = places_of(network);
    for (unsigned i = 0; i < most_tries; ++i) {
        auto* const its = here.find();
        if (its == nullptr)
            here.claim();
        else if (const auto taken = here.take_of(*its, limit, now))
            return *taken;
    }
    return true;
}

void rate_table::give_back(const ip_prefix& network, const rate& limit) noexcept {
    if (auto* const its = places_of(network).find())
        its->give_back(limit);
}

std::size_t rate_table::size() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(
        entries_, [](const entry& one) { return one.bucket.load().full_at() > moment{}; }));
}

} // namespace snipass::server
