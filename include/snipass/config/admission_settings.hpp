// SPDX-License-Identifier: BSL-1.0
// admission_settings: who may come to a listener, and how often.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/rate.hpp"
#include "snipass/route/source_set.hpp"

#include <optional>
#include <string_view>

namespace snipass::config {

// What is not given limits nobody.
struct admission_settings {
    std::optional<route::source_set> allow{};
    std::optional<route::source_set> deny{}; // whatever `allow` says
    std::optional<rate> per_source{};        // max_rate_per_source
    std::optional<rate> all{};               // max_rate

    [[nodiscard]] bool limits_rates() const noexcept { return per_source || all; }

    // why_denied is what keeps a client of that address out; empty: nothing does.
    [[nodiscard]] std::string_view why_denied(const ip_address& client) const noexcept {
        if (deny && deny->contains(client))
            return "it is in deny";
        return allow && !allow->contains(client) ? "it is not in allow" : "";
    }
};

} // namespace snipass::config
