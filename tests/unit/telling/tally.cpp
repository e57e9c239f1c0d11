// SPDX-License-Identifier: BSL-1.0
#include "snipass/telling/tally.hpp"

#include "catch.hpp"

using namespace snipass;
using server::outcome;

namespace {

config::configuration file(const std::vector<std::string>& backends,
                           const std::vector<std::string>& routes = {}) {
    config::configuration made;
    made.metrics.emplace();
    made.metrics->route_names = routes;
    made.listeners.emplace_back().address = "[::]:443";
    for (const auto& name : backends)
        made.backends.emplace_back().name = name;
    return made;
}

constexpr auto taken = static_cast<std::size_t>(outcome::handed_off);

} // namespace

TEST_CASE("tally: what all workers have counted comes together") {
    server::ledger all;
    const auto workers = all.begin(file({"a", "b"}, {"r"}), 2);
    workers[0]->backends[1].outcomes[taken].add();
    workers[1]->backends[1].outcomes[taken].add(2);
    workers[0]->backends[0].relayed.to_client.add(1'000);
    workers[1]->listeners[0][taken].add();
    workers[1]->routes[0].add();
    const auto sum = all.totals();
    CHECK(sum.backends[1].outcomes[taken] == 3);
    CHECK(sum.backends[0].to_client == 1'000);
    CHECK(sum.listeners[0][taken] == 1);
    CHECK(sum.routes[0] == 1);
}

TEST_CASE("tally: without [metrics] nothing is counted") {
    server::ledger all;
    CHECK(all.begin(config::configuration{}, 2)[1] == nullptr);
    CHECK(all.totals().backends.empty());
}

TEST_CASE("tally: a reload keeps the numbers of what stays, wherever it stands now") {
    server::ledger all;
    auto before = all.begin(file({"a", "b"}, {"r", "s"}), 1);
    before[0]->backends[0].outcomes[taken].add(10);
    before[0]->backends[1].outcomes[taken].add(20);
    before[0]->routes[1].add(5);
    auto after = all.begin(file({"b", "c"}, {"s"}), 1);
    const bool sessions_have_ended = GENERATE(true, false);
    if (sessions_have_ended)
        before.clear();
    else
        before[0]->backends[1].outcomes[taken].add(); // of a session that began before
    after[0]->backends[0].outcomes[taken].add(100);
    for (int i = 0; i < 2; ++i) { // however often it is asked
        const auto sum = all.totals();
        CHECK(sum.backends[0].outcomes[taken] == 120U + (sessions_have_ended ? 0U : 1U));
        CHECK(sum.backends[1].outcomes[taken] == 0);
        CHECK(sum.routes[0] == 5);
    }
}

TEST_CASE("tally: what went and comes back begins at nothing") {
    server::ledger all;
    auto first = all.begin(file({"a"}), 1);
    first[0]->backends[0].outcomes[taken].add(10);
    first = all.begin(file({"b"}), 1);
    CHECK(all.totals().backends[0].outcomes[taken] == 0);
    first = all.begin(file({"a"}), 1);
    CHECK(all.totals().backends[0].outcomes[taken] == 0);
}

TEST_CASE("tally: the next process goes on with what has the same name") {
    server::ledger first;
    const auto before = first.begin(file({"a", "b"}, {"r", "s"}), 2);
    before[0]->backends[1].outcomes[taken].add(2);
    before[1]->backends[1].outcomes[taken].add(3);
    before[0]->backends[1].relayed.to_backend.add(10);
    before[1]->listeners[0][taken].add(4);
    before[0]->routes[1].add(6);
    upgrade::counters told;
    first.add_to(told);

    server::ledger second;
    second.begin_with(told);
    const auto now = second.begin(file({"c", "b"}, {"s"}), 1);
    now[0]->backends[1].outcomes[taken].add();
    const auto sum = second.totals();
    CHECK(sum.backends[0].outcomes[taken] == 0);
    CHECK(sum.backends[1].outcomes[taken] == 6);
    CHECK(sum.backends[1].to_backend == 10);
    CHECK(sum.listeners[0][taken] == 4);
    CHECK(sum.routes[0] == 6);
}
