// SPDX-License-Identifier: BSL-1.0
// How often clients have come to one listener lately.
#include "snipass/backends/arrivals.hpp"

#include <algorithm>
#include <random>

namespace snipass::server {

static_assert(std::atomic<token_bucket>::is_always_lock_free);

std::uint64_t arrivals::random_key() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

arrivals::part& arrivals::part_of(const ip_prefix& network) noexcept {
    return parts_[(prefix_hash{}(network) ^ key_ >> 32) % parts];
}

bool arrivals::take(const ip_prefix& network, const rate& limit, moment now) {
    auto& its = part_of(network);
    const std::lock_guard lock{its.mutex};
    if (!its.table)
        its.table.emplace(most_networks / parts, key_);
    return its.table->take(network, limit, now);
}

void arrivals::give_back(const ip_address& client, std::span<const source_level> levels, const rate& limit) {
    for (const auto& one : levels) {
        const ip_prefix network{client, one.length};
        auto& its = part_of(network);
        const std::lock_guard lock{its.mutex};
        its.table->give_back(network, limit.times(one.shares));
    }
}

// The widest network is asked first: one that has had its clients takes no place for the next of its
// addresses.
bool arrivals::take_of_source(const ip_address& client, const rate& limit, moment now) {
    const auto levels = source_levels(client);
    for (auto i = levels.size(); i-- > 0;) {
        if (take({client, levels[i].length}, limit.times(levels[i].shares), now))
            continue;
        give_back(client, levels.subspan(i + 1), limit);
        return false;
    }
    return true;
}

bool arrivals::take_of_all(const rate& limit, moment now) noexcept {
    auto before = all_.load(std::memory_order_relaxed);
    auto after = before;
    do {
        after = before;
        if (!after.take(limit, now))
            return false;
    } while (!all_.compare_exchange_weak(before, after, std::memory_order_relaxed));
    return true;
}

std::string_view arrivals::why_too_often(const ip_address& client, const config::admission_settings& limits,
                                         moment now) {
    if (limits.per_source && !take_of_source(client, *limits.per_source, now))
        return "max_rate_per_source";
    if (!limits.all || take_of_all(*limits.all, now))
        return {};
    if (limits.per_source)
        give_back(client, source_levels(client), *limits.per_source);
    return "max_rate";
}

std::size_t arrivals::networks() const {
    std::size_t sum = 0;
    for (const auto& one : parts_) {
        const std::lock_guard lock{one.mutex};
        sum += one.table ? one.table->size() : 0;
    }
    return sum;
}

std::size_t arrivals::bytes() const {
    std::size_t sum = sizeof *this;
    for (const auto& one : parts_) {
        const std::lock_guard lock{one.mutex};
        sum += one.table ? one.table->bytes() : 0;
    }
    return sum;
}

} // namespace snipass::server
