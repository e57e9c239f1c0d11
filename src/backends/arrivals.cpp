// SPDX-License-Identifier: BSL-1.0
// How often clients have come to one listener lately.
#include "snipass/backends/arrivals.hpp"

#include <random>

namespace snipass::server {
namespace {

std::uint64_t random_key() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

} // namespace

void arrivals::remember_sources() {
    if (!sources_)
        sources_.emplace(most_networks, random_key());
}

void arrivals::give_back(const ip_address& client, std::span<const source_level> levels,
                         const rate& limit) noexcept {
    for (const auto& one : levels)
        sources_->give_back({client, one.length}, limit.times(one.shares));
}

// The widest network is asked first: one that has had its clients takes no place for the next of its
// addresses.
bool arrivals::take_of_source(const ip_address& client, const rate& limit, moment now) noexcept {
    const auto levels = source_levels(client);
    for (auto i = levels.size(); i-- > 0;) {
        if (sources_->take({client, levels[i].length}, limit.times(levels[i].shares), now))
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
                                         moment now) noexcept {
    if (limits.per_source && !take_of_source(client, *limits.per_source, now))
        return "max_rate_per_source";
    if (!limits.all || take_of_all(*limits.all, now))
        return {};
    if (limits.per_source)
        give_back(client, source_levels(client), *limits.per_source);
    return "max_rate";
}

} // namespace snipass::server
