// SPDX-License-Identifier: BSL-1.0
// Relays that are about to go on in another process, and those that have.
#include "snipass/net/relay_group.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "relaying.hpp"
#include "sockets.hpp"

#include <chrono>
#include <future>
#include <vector>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using net::relay_end;

TEST_CASE("relays are made ready to leave some at a time, and go on meanwhile") {
    std::vector<socket_pair> clients;
    std::vector<socket_pair> backends;
    relaying first;
    std::vector<std::future<net::relay_result>> ends;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(tcp_pair());
        backends.push_back(tcp_pair());
        ends.push_back(first.start(clients.back(), backends.back()));
    }
    const auto prepare = [&](std::size_t most) {
        return first.ask([most](auto& group) { return group.prepare_some(most); });
    };
    CHECK_FALSE(prepare(2));
    CHECK_FALSE(prepare(2));
    CHECK(prepare(2));
    CHECK(prepare(0));
    say(clients[0].near, "to its end");
    say_end(clients[0].near);
    const auto heard = hear(backends[0].near);
    CHECK(heard.text == "to its end");
    CHECK(heard.end == "FIN");
    say_end(backends[0].near);
    CHECK(hear(clients[0].near).end == "FIN");
    CHECK(result_of(ends[0]).end == relay_end::finished);
}

TEST_CASE("a relay that begins while others are made ready to leave is ready, too") {
    auto client = tcp_pair();
    auto backend = tcp_pair();
    relaying first;
    CHECK(first.ask([](auto& group) { return group.prepare_some(0); }));
    (void)first.start(client, backend);
    CHECK(first.ask([](auto& group) { return group.prepare_some(0); }));
}

TEST_CASE("what comes for a relay that has gone is the next process's") {
    auto client = tcp_pair();
    auto backend = tcp_pair();
    relaying first;
    auto end = first.start(client, backend);
    first.call([&] { first.group().let_go(); });
    say(client.near, "for the next");
    say_end(backend.near);
    first.call([] {}); // a turn
    first.call([&] { first.group().end_if([](const auto&) { return true; }, relay_end::closed_by_admin); });
    CHECK(end.wait_for(0s) == std::future_status::timeout);
    first.end_loop();
    CHECK(first.ask([](auto& group) { return group.size(); }) == 1);
}
