// SPDX-License-Identifier: BSL-1.0
// moved_counters: what was counted, on its way from one process to the next. What the next one does not
// count, by its name, is left out there.
#pragma once

#include "snipass/telling/outcome.hpp"
#include "snipass/telling/stats.hpp"
#include "snipass/upgrade/state.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace snipass::server {

using outcome_totals = std::array<std::uint64_t, outcome_count>;

// add_to adds what one worker has counted to what others have; `to` is empty, or has that of others.
void add_to(std::vector<upgrade::count>& to, const stats& one);

// go_on_counting: `one`, which has counted nothing, has these. Clients that are in flight count as accepted
// where they go on, so here they do not.
void go_on_counting(stats& one, const std::vector<upgrade::count>& before, std::uint64_t in_flight);

// Outcomes that nobody had are left out.
[[nodiscard]] std::vector<upgrade::count> to_moved(const outcome_totals& one);
[[nodiscard]] outcome_totals from_moved(const std::vector<upgrade::count>& one);

// value_of is that of the count of that name; 0: there is none.
[[nodiscard]] std::uint64_t value_of(const std::vector<upgrade::count>& all, std::string_view name);

} // namespace snipass::server
