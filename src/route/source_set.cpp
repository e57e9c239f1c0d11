// SPDX-License-Identifier: BSL-1.0
// Prefixes become ranges, sorted and merged once, so that an address is looked up by binary search.
#include "snipass/route/source_set.hpp"

#include <algorithm>

namespace snipass::route {
namespace {

// reaches tells whether nothing lies between the two, so that their ranges are one.
bool reaches(const ip_address& last, const ip_address& next) noexcept {
    auto bytes = last.bytes();
    for (auto i = bytes.size(); i-- > 0;)
        if (++bytes[i] != 0)
            return ip_address{bytes} >= next;
    return true; // last is the last address there is
}

} // namespace

source_set::source_set(const std::vector<ip_prefix>& prefixes) {
    auto sorted = prefixes;
    std::sort(sorted.begin(), sorted.end());
    for (const auto& prefix : sorted) {
        auto& ranges = prefix.address().is_v4() ? v4_ : v6_;
        if (ranges.empty() || !reaches(ranges.back().last, prefix.address()))
            ranges.push_back({prefix.address(), prefix.last()});
        else
            ranges.back().last = std::max(ranges.back().last, prefix.last());
    }
}

bool source_set::contains(const ip_address& address) const noexcept {
    const auto& ranges = address.is_v4() ? v4_ : v6_;
    const auto behind = std::upper_bound(ranges.begin(), ranges.end(), address,
                                         [](const ip_address& a, const range& r) { return a < r.first; });
    return behind != ranges.begin() && address <= std::prev(behind)->last;
}

} // namespace snipass::route
