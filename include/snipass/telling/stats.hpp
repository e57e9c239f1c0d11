// SPDX-License-Identifier: BSL-1.0
// stats: what is counted. Written by one worker, read by any thread.
#pragma once

#include "snipass/config/decision.hpp"
#include "snipass/net/counter.hpp"
#include "snipass/telling/ech_outcome.hpp"
#include "snipass/telling/histogram.hpp"
#include "snipass/telling/outcome.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace snipass::server {

using net::counter;

inline constexpr std::size_t match_count = static_cast<std::size_t>(config::match_kind::not_http) + 1;

struct stats {
    counter accepted;
    counter accept_paused;    // times that a listener had to pause for want of descriptors or memory
    counter handoffs_refused; // to a handoff listener, that were none
    counter left;             // to the next process, or anew to this one: accepted, and no outcome
    counter empty;            // clients that left without a byte; they are among client_closed, too
    std::array<counter, outcome_count> outcomes;
    std::array<counter, ech_outcome_count> ech;
    std::array<counter, match_count> matches; // why clients went where they went, refused ones included
    histogram<time_bounds> handoff_time;      // this and the next with [metrics] only
    histogram<size_bounds> hello_size;

    // for_each calls tell(name, value) for all of them, always in the same order.
    template <class Tell>
    void for_each(Tell tell) const {
        tell("accepted", accepted.value());
        tell("accept_paused", accept_paused.value());
        tell("handoffs_refused", handoffs_refused.value());
        tell("empty", empty.value());
        for (std::size_t i = 0; i < outcome_count; ++i)
            tell(to_string(static_cast<outcome>(i)), outcomes[i].value());
        for (std::size_t i = 1; i < ech_outcome_count; ++i)
            tell("ech_" + std::string{to_string(static_cast<ech_outcome>(i))}, ech[i].value());
        for (std::size_t i = 0; i < match_count; ++i)
            tell("match_" + std::string{config::to_string(static_cast<config::match_kind>(i))},
                 matches[i].value());
    }

    [[nodiscard]] std::uint64_t of(outcome one) const noexcept {
        return outcomes[static_cast<std::size_t>(one)].value();
    }
    [[nodiscard]] std::uint64_t of(config::match_kind one) const noexcept {
        return matches[static_cast<std::size_t>(one)].value();
    }
};

} // namespace snipass::server
