// SPDX-License-Identifier: BSL-1.0
// Counters as the next process gets them, and back: by their names, whose order changes from version to
// version.
#include "snipass/telling/moved_counters.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>

namespace snipass::server {
namespace {

// each calls see(name, counter) for all of `of`, which may be const, but for what is of this process alone.
template <class Stats, class See>
void each(Stats& of, See see) {
    see("accepted", of.accepted);
    see("accept_paused", of.accept_paused);
    see("handoffs_refused", of.handoffs_refused);
    see("empty", of.empty);
    for (std::size_t i = 0; i < outcome_count; ++i)
        see(std::string{to_string(static_cast<outcome>(i))}, of.outcomes[i]);
    for (std::size_t i = 0; i < match_count; ++i)
        see("match_" + std::string{config::to_string(static_cast<config::match_kind>(i))}, of.matches[i]);
    histogram<time_bounds>::each(of.handoff_time, "handoff_time", see);
    histogram<size_bounds>::each(of.hello_size, "hello_size", see);
}

} // namespace

void add_to(std::vector<upgrade::count>& to, const stats& one) {
    std::size_t at = 0;
    each(one, [&](std::string name, const counter& its) {
        if (at == to.size())
            to.push_back({std::move(name), 0});
        to[at++].value += its.value();
    });
}

void go_on_counting(stats& one, const std::vector<upgrade::count>& before, std::uint64_t in_flight) {
    std::unordered_map<std::string_view, std::uint64_t> values;
    for (const auto& [name, value] : before)
        values.emplace(name, value);
    each(one, [&](const std::string& name, counter& its) {
        if (const auto found = values.find(name); found != values.end())
            its.add(name == "accepted" ? found->second - std::min(found->second, in_flight) : found->second);
    });
    std::uint64_t ended = 0;
    for (const auto& its : one.outcomes)
        ended += its.value();
    // Those whose end the process before has seen itself.
    one.left.add(one.accepted.value() - std::min(one.accepted.value(), ended));
}

std::vector<upgrade::count> to_moved(const outcome_totals& one) {
    std::vector<upgrade::count> made;
    for (std::size_t i = 0; i < outcome_count; ++i)
        if (one[i] > 0)
            made.push_back({std::string{to_string(static_cast<outcome>(i))}, one[i]});
    return made;
}

outcome_totals from_moved(const std::vector<upgrade::count>& one) {
    outcome_totals made{};
    for (std::size_t i = 0; i < outcome_count; ++i)
        made[i] = value_of(one, to_string(static_cast<outcome>(i)));
    return made;
}

std::uint64_t value_of(const std::vector<upgrade::count>& all, std::string_view name) {
    const auto found = std::ranges::find(all, name, &upgrade::count::name);
    return found == all.end() ? 0 : found->value;
}

} // namespace snipass::server
