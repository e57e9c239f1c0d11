// SPDX-License-Identifier: BSL-1.0
// What is known now.
#include "snipass/operating/status.hpp"

#include <algorithm>
#include <numeric>

namespace snipass::server {

std::size_t held(const status& now) noexcept {
    return std::accumulate(now.backends.begin(), now.backends.end(), std::size_t{0},
                           [](std::size_t sum, const backend_status& one) { return sum + one.held; });
}

std::uint64_t made_way(const outcome_totals& outcomes) noexcept {
    std::uint64_t sum = 0;
    for (const auto one : {outcome::shed, outcome::shed_source, outcome::backend_max_pending,
                           outcome::max_relayed, outcome::max_relayed_source})
        sum += outcomes[static_cast<std::size_t>(one)];
    return sum;
}

std::string addresses_out(const backend_status& one) {
    const auto drained = std::ranges::count(one.addresses, true, &backend_status::address::is_drained);
    const auto ejected = std::ranges::count_if(
        one.addresses, [](const auto& address) { return address.is_ejected && !address.is_drained; });
    const auto of_all = " of " + std::to_string(one.addresses.size());
    std::string text;
    if (drained > 0)
        text = std::to_string(drained) + of_all + " drained";
    if (ejected > 0)
        text += (text.empty() ? "" : ", ") + std::to_string(ejected) + of_all + " ejected";
    return text;
}

three_ends in_three(const outcome_totals& outcomes) noexcept {
    three_ends ends;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const auto one = static_cast<outcome>(i);
        if (is_service(one))
            ends.served += outcomes[i];
        else
            (is_fault(one) ? ends.failed : ends.refused) += outcomes[i];
    }
    return ends;
}

} // namespace snipass::server
