// SPDX-License-Identifier: BSL-1.0
// The last clients that nobody served.
#include "snipass/telling/recent_failures.hpp"

#include "snipass/telling/record.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace snipass::server {
namespace {

// dullest_of: the oldest of those whose outcome is there most often. There is one at least.
template <typename Entry>
Entry& dullest_of(std::span<Entry> all) noexcept {
    std::array<std::size_t, outcome_count> alike{};
    for (const auto& one : all)
        ++alike[static_cast<std::size_t>(one.outcome)];
    return *std::ranges::max_element(all, [&](const Entry& a, const Entry& b) {
        const auto of_a = alike[static_cast<std::size_t>(a.outcome)];
        const auto of_b = alike[static_cast<std::size_t>(b.outcome)];
        return of_a != of_b ? of_a < of_b : a.at > b.at;
    });
}

} // namespace

void thin_out(std::vector<failure>& all, std::size_t most) {
    while (all.size() > most)
        all.erase(all.begin() + (&dullest_of(std::span<failure>{all}) - all.data()));
}

void recent_failures::add(const record& one) noexcept {
    auto& mine = is_fault(one.outcome) ? faults_ : refused_;
    auto& next = mine.count < kept ? mine.entries[mine.count++] : dullest_of(std::span<entry>{mine.entries});
    next.at = one.accepted + one.duration;
    next.outcome = one.outcome;
    next.client = one.client;
    next.listener.keep(one.listener);
    next.server_name.keep(one.hello ? one.hello->server_name().value_or("") : std::string_view{});
    next.backend.keep(one.backend);
    next.detail.keep(one.detail);
}

std::vector<failure> recent_failures::all() const {
    std::vector<failure> found;
    for (const auto* const each : {&faults_, &refused_})
        for (std::size_t i = 0; i < each->count; ++i) {
            const auto& one = each->entries[i];
            found.push_back({one.at, one.outcome, one.client, one.listener.whole(), one.server_name.whole(),
                             one.backend.whole(), one.detail.whole()});
        }
    return found;
}

} // namespace snipass::server
