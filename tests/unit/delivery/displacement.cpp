// SPDX-License-Identifier: BSL-1.0
// Clients that make way for others while they are on their way to a backend (max_pending).
#include "snipass/delivery/delivery.hpp"

#include "router_fixture.hpp"
#include "snipass/net/connect.hpp"

#include <functional>
#include <vector>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::outcome;

namespace {

const bytes hello = hello_for("www.example.com");
const auto another = ip_address::parse("127.0.0.2");

// A backend that has no answer for the clients that are offered to it, and what keeps it so.
struct silent_row {
    const char* behaviour;
    std::function<std::vector<os::unique_fd>(router_fixture&)> prepare;
};

const std::vector<silent_row> rows{
    {"an ACK",
     [](router_fixture& test) {
         auto listener = listen_unix(test.path("silent"), SOCK_STREAM);
         handoff_of(test.what.stream(test.path("silent"))).ack_timeout = 24h;
         std::vector<os::unique_fd> kept;
         kept.push_back(std::move(listener));
         return kept;
     }},
    {"room in a backlog",
     [](router_fixture& test) {
         auto listener = listen_unix(test.path("busy"), SOCK_STREAM, 0);
         handoff_of(test.what.stream(test.path("busy"))).ack_timeout = 24h;
         auto kept = fill_backlog(test.path("busy"));
         kept.push_back(std::move(listener));
         return kept;
     }},
    {"room in a queue",
     [](router_fixture& test) {
         auto receiver = listen_unix(test.path("full"), SOCK_DGRAM);
         handoff_of(test.what.datagram(test.path("full"))).queue_timeout = 24h;
         (void)fill_queue(test.path("full"));
         std::vector<os::unique_fd> kept;
         kept.push_back(std::move(receiver));
         return kept;
     }},
    {"a connection",
     [](router_fixture& test) {
         auto listener = plain_listener("127.0.0.1", 0);
         const auto address = bound_to(listener.get());
         relay_of(test.what.proxied(address)).connect_timeout = 24h;
         std::vector<os::unique_fd> kept;
         for (int i = 0; i < 4; ++i) // its backlog is full then
             kept.push_back(std::move(net::begin_connect(address).value().fd));
         kept.push_back(std::move(listener));
         return kept;
     }},
    {"the backend to come back",
     [](router_fixture& test) {
         test.what.stream(test.path("absent")).hold = 24h;
         return std::vector<os::unique_fd>{};
     }},
};

} // namespace

TEST_CASE("displacement: who makes way leaves at once, whatever it waits for") {
    const auto row = GENERATE(from_range(rows));
    CAPTURE(row.behaviour);
    router_fixture test;
    test.what.otherwise(0);
    const auto kept = row.prepare(test);
    test.what.backend(0).max_pending = 2;
    auto& router = test.start();
    const auto first = router.connect_with(hello);
    auto second = router.connect_with(hello);
    router.wait_until([&] { return router.counters().accepted.value() == 2; }, "two of one source");
    const auto other = router.connect_with(hello, another);
    CHECK(second.read_to_end() == ending::fin);
    second.close();
    router.wait_for(outcome::backend_max_pending);
    CHECK(router.ended() == 1);
}

TEST_CASE("displacement: who makes way goes to the sorry backend whole, and the first can have it no more") {
    router_fixture test;
    test.what.otherwise(0);
    const stream_backend silent;
    const stream_backend sorry;
    auto& settings = test.what.stream(silent.path());
    handoff_of(settings).ack_timeout = 24h;
    settings.max_pending = 2;
    settings.sorry = 1;
    test.what.stream(sorry.path());
    auto& router = test.start();
    const auto first = router.connect_with(hello);
    const auto first_offer = silent.receive();
    const auto second = router.connect_with(hello);
    const auto second_offer = silent.receive();
    const auto other = router.connect_with(hello, another);
    const auto other_offer = silent.receive();
    check_whole(sorry.take(), hello);
    CHECK(second_offer.answer() == EPIPE);
    REQUIRE(first_offer.answer() == 0);
    REQUIRE(other_offer.answer() == 0);
    router.wait_for(outcome::handed_off, 3);
}
