// SPDX-License-Identifier: BSL-1.0
// The last clients that nobody served.
#include "snipass/telling/recent_failures.hpp"

#include "snipass/telling/record.hpp"

#include <algorithm>

namespace snipass::server {

void recent_failures::add(const record& one) noexcept {
    auto& mine = is_fault(one.outcome) ? faults_ : refused_;
    auto& next = mine.entries[mine.count++ % kept];
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
        for (std::size_t i = 0; i < std::min(each->count, kept); ++i) {
            const auto& one = each->entries[i];
            found.push_back({one.at, one.outcome, one.client, one.listener.whole(), one.server_name.whole(),
                             one.backend.whole(), one.detail.whole()});
        }
    return found;
}

} // namespace snipass::server
