// SPDX-License-Identifier: BSL-1.0
#include "snipass/telling/moved_counters.hpp"

#include "catch.hpp"

#include <algorithm>
#include <set>
#include <string>

using namespace snipass;
using server::outcome;

namespace {

void count(std::vector<upgrade::count>& all, std::uint64_t times) {
    server::stats one;
    one.accepted.add(10 * times);
    one.empty.add(times);
    one.outcomes[static_cast<std::size_t>(outcome::handed_off)].add(4 * times);
    one.outcomes[static_cast<std::size_t>(outcome::internal_error)].add(times);
    one.matches[0].add(5 * times);
    for (std::uint64_t i = 0; i < times; ++i) {
        one.handoff_time.add(60);
        one.handoff_time.add(1'000'000'000);
        one.hello_size.add(517);
    }
    add_to(all, one);
}

std::vector<upgrade::count> of_two_workers() {
    std::vector<upgrade::count> all;
    count(all, 1);
    count(all, 2);
    return all;
}

} // namespace

TEST_CASE("moved_counters: what all workers have counted comes together, each by its own name") {
    const auto all = of_two_workers();
    CHECK(server::value_of(all, "accepted") == 30);
    CHECK(server::value_of(all, "handed_off") == 12);
    CHECK(server::value_of(all, "handoff_time_100") == 3);
    CHECK(server::value_of(all, "handoff_time_more") == 3);
    CHECK(server::value_of(all, "hello_size_sum") == 3 * 517);
    CHECK(server::value_of(all, "what no version has") == 0);
    std::set<std::string> names;
    for (const auto& one : all)
        names.insert(one.name);
    CHECK(names.size() == all.size());
}

TEST_CASE("moved_counters: the next process goes on counting") {
    auto all = of_two_workers();
    std::ranges::reverse(all); // as another version may have them
    all.push_back({"what another version counts", 7});
    server::stats next;
    go_on_counting(next, all, 5);
    std::vector<upgrade::count> again;
    add_to(again, next);
    for (const auto& [name, value] : of_two_workers())
        CHECK(server::value_of(again, name) == (name == "accepted" ? value - 5 : value));
    // 30 were accepted, and 15 have ended; 5 go on, and the end of 10 the process before has seen.
    CHECK(next.left.value() == 10);
}

TEST_CASE("moved_counters: of a process that has told nothing there is nothing") {
    server::stats next;
    go_on_counting(next, {}, 5);
    CHECK(next.accepted.value() == 0);
    CHECK(next.left.value() == 0);
}

TEST_CASE("moved_counters: outcomes go by their names") {
    server::outcome_totals totals{};
    totals[static_cast<std::size_t>(outcome::proxied)] = 3;
    totals[static_cast<std::size_t>(outcome::internal_error)] = 1;
    const auto moved = server::to_moved(totals);
    CHECK(moved.size() == 2);
    CHECK(server::from_moved(moved) == totals);
}
