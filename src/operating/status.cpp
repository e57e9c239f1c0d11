// SPDX-License-Identifier: BSL-1.0
// What is known now.
#include "snipass/operating/status.hpp"

#include <numeric>

namespace snipass::server {

std::size_t held(const status& now) noexcept {
    return std::accumulate(now.backends.begin(), now.backends.end(), std::size_t{0},
                           [](std::size_t sum, const backend_status& one) { return sum + one.held; });
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
