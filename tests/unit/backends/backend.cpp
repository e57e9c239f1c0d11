// SPDX-License-Identifier: BSL-1.0
// What one worker knows of a backend: how many are on their way to it, and who waits for it to come back.
#include "snipass/backends/backend.hpp"

#include "router_fixture.hpp"
#include "run_coroutine.hpp"
#include "snipass/backends/address_book.hpp"

#include <list>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::outcome;

namespace {

// queue is a backend that is away, and clients that are held for it.
struct queue {
    config::backend_settings settings;
    server::address_book book;
    server::log log{config::log_settings{}};
    net::event_loop loop;
    server::pending_room room;
    server::backend away{settings, 10, book, room};
    std::list<server::pending> pending;
    std::list<server::backend::held> places;
    std::list<spawned<bool>> waits;

    ~queue() { loop.destroy_tasks(); }

    server::pending& come(const std::string& source = "192.0.2.1") {
        return pending.emplace_back(room, away.places(), *ip_address::parse(source));
    }
    void join(net::time_point until, const std::string& source = "192.0.2.1") {
        auto& place = places.emplace_back(away, come(source), loop);
        waits.emplace_back(loop, place.wait(until));
    }
    // One letter for each wait: "w"aits, "t"urn to try, "n"o turn.
    std::string states() {
        run_ready(loop);
        std::string letters;
        for (auto& one : waits)
            letters += !one.done() ? 'w' : one.get() ? 't' : 'n';
        return letters;
    }
};

const bytes hello = hello_for("www.example.com");

struct fixture : router_fixture {
    fixture() { what.otherwise(0); }
};

} // namespace

TEST_CASE("backend: pending clients are counted while they exist") {
    queue test;
    server::backend one{test.settings, 2, test.book, test.room};
    const auto source = *ip_address::parse("192.0.2.1");
    {
        const server::pending first{test.room, one.places(), source};
        const server::pending second{test.room, one.places(), source};
        CHECK_FALSE(second.is_displaced());
        CHECK(server::pending{test.room, one.places(), source}.is_displaced());
        CHECK_FALSE(first.is_displaced());
    }
    CHECK_FALSE(server::pending{test.room, one.places(), source}.is_displaced());
}

TEST_CASE("backend: a datagram backend has a channel for each address, others have none") {
    queue test;
    auto& handoff = test.settings.kind.emplace<config::handoff_settings>();
    handoff.paths = {"/a", "/b"};
    CHECK(server::backend{test.settings, 1, test.book, test.room}.channels().empty());
    handoff.protocol = config::handoff_protocol::datagram;
    CHECK(server::backend{test.settings, 1, test.book, test.room}.channels().size() == 2);
}

TEST_CASE("backend: of those that are held only the first knocks") {
    queue test;
    for (int i = 0; i < 3; ++i)
        test.join(net::time_point::max());
    run_until(test.loop, [&] { return test.waits.front().done(); });
    CHECK(test.states() == "tww");
}

TEST_CASE("backend: the first knocks less often each time, and soon again once the backend is back") {
    queue test;
    server::backend::held place{test.away, test.come(), test.loop};
    const auto next_knock = [&] {
        const auto begun = net::clock::now();
        spawned<bool> wait{test.loop, place.wait(net::time_point::max())};
        run_until(test.loop, [&] { return wait.done(); });
        return net::clock::now() - begun;
    };
    CHECK(next_knock() >= 20ms);
    place.tried_in_vain(outcome::backend_absent);
    CHECK(next_knock() >= 40ms);
    for (int i = 0; i < 10; ++i)
        place.tried_in_vain(outcome::backend_refused);
    CHECK(next_knock() >= 80ms);
    place.tried_in_vain(outcome::backend_declined);
    CHECK(next_knock() >= 160ms);
    test.away.took(test.log);
    place.tried_in_vain(outcome::backend_declined);
    CHECK(next_knock() >= 40ms);
}

TEST_CASE("backend: who knocks in vain comes after the others, and the next one knocks after the pause") {
    queue test;
    for (const char* const source : {"192.0.2.1", "192.0.2.2", "192.0.2.3"})
        test.join(net::time_point::max(), source);
    run_until(test.loop, [&] { return test.waits.front().done(); });
    const auto begun = net::clock::now();
    auto& first = test.places.front();
    first.tried_in_vain(outcome::backend_declined);
    test.waits.emplace_back(test.loop, first.wait(net::time_point::max()));
    run_until(test.loop, [&] { return std::next(test.waits.begin())->done(); });
    CHECK(net::clock::now() - begun >= 40ms);
    CHECK(test.states() == "ttww");
    test.away.took(test.log);
    CHECK(test.states() == "tttw"); // and who knocks at the moment need not be called
}

TEST_CASE("backend: of the source that has to make way, the first of those that may be displaced goes") {
    queue test;
    const auto pending = [&test](int number) -> auto& {
        return *std::next(test.pending.begin(), number);
    };
    for (int i = 0; i < 3; ++i)
        test.join(net::time_point::max());
    for (int i = 3; i < 10; ++i)
        CHECK_FALSE(test.come().is_displaced());
    pending(2).go_first();
    pending(1).go_first();
    pending(2).go_first();
    CHECK_FALSE(test.come().is_displaced());
    CHECK(pending(2).is_displaced());
    CHECK_FALSE(pending(1).is_displaced());
    CHECK(test.states()[2] == 'n'); // it is woken
    pending(2).go_first();          // it is already
    CHECK_FALSE(test.come().is_displaced());
    CHECK(pending(1).is_displaced());
    CHECK(test.come().is_displaced()); // nobody else may be
    test.places.clear();
}

TEST_CASE("backend: who may be displaced makes way for no larger source") {
    queue test;
    const auto pending = [&test](int number) -> auto& {
        return *std::next(test.pending.begin(), number);
    };
    test.come("192.0.2.1").go_first();
    test.come("192.0.2.2");
    for (int i = 2; i < 9; ++i)
        test.come("192.0.2.3");
    test.come("192.0.2.3").go_first();
    CHECK_FALSE(test.come("192.0.2.3").is_displaced());
    CHECK(pending(9).is_displaced()); // of its own source
    CHECK(test.come("192.0.2.3").is_displaced());
    pending(3).go_first();
    CHECK_FALSE(test.come("192.0.2.2").is_displaced());
    CHECK(pending(3).is_displaced()); // of the largest
    CHECK_FALSE(pending(0).is_displaced());
}

TEST_CASE("backend: where there is no room, the newest of the largest source makes it") {
    queue test;
    const auto pending = [&test](int number) -> auto& {
        return *std::next(test.pending.begin(), number);
    };
    CHECK_FALSE(test.come("192.0.2.1").is_displaced());
    for (int i = 1; i < 9; ++i)
        CHECK_FALSE(test.come("192.0.2.2").is_displaced());
    test.places.emplace_back(test.away, test.come("192.0.2.2"), test.loop);
    test.waits.emplace_back(test.loop, test.places.back().wait(net::time_point::max()));
    CHECK(test.come("192.0.2.2").is_displaced());
    CHECK_FALSE(test.come("192.0.2.1").is_displaced());
    CHECK(pending(9).is_displaced());
    CHECK(test.states() == "n"); // it is woken
    CHECK_FALSE(test.come("192.0.2.3").is_displaced());
    CHECK(pending(8).is_displaced());
    CHECK_FALSE(pending(7).is_displaced());
    test.places.clear();
}

TEST_CASE("backend: sources that come one after the other shut nobody out") {
    queue test;
    const std::pair<const char*, int> attackers[]{
        {"192.0.2.1", 10}, {"192.0.2.2", 5}, {"192.0.2.3", 3}, {"192.0.2.4", 2}};
    for (const auto& [source, clients] : attackers)
        for (int i = 0; i < clients; ++i)
            test.come(source);
    // Those who were displaced have not left yet.
    for (const char* honest : {"198.51.100.1", "198.51.100.2", "198.51.100.3"})
        CHECK_FALSE(test.come(honest).is_displaced());
    std::size_t whole = 0;
    for (const auto& one : test.pending)
        whole += one.is_displaced() ? 0 : 1;
    CHECK(whole == 10);
}

TEST_CASE("backend: when one leaves, the next becomes the first and tries at once") {
    queue test;
    for (int i = 0; i < 3; ++i)
        test.join(net::time_point::max());
    SECTION("the first, whose turn it was") {
        test.places.pop_front();
        auto& second = *std::next(test.waits.begin());
        run_until(test.loop, [&] { return second.done(); });
        CHECK(second.get());
    }
    SECTION("another") {
        test.places.erase(std::next(test.places.begin()));
        CHECK(test.states()[2] == 'w');
    }
}

TEST_CASE("backend: when it takes a client, the next two try, and the others wait for the next one") {
    queue test;
    for (int i = 0; i < 5; ++i)
        test.join(net::time_point::max());
    test.away.took(test.log);
    CHECK(test.states() == "ttwww");
    test.away.took(test.log);
    CHECK(test.states() == "ttttw");
}

TEST_CASE("backend: who was called in vain comes after those who have not been called") {
    queue test;
    for (int i = 0; i < 3; ++i)
        test.join(net::time_point::max());
    test.away.took(test.log);
    CHECK(test.states() == "ttw");
    auto place = test.places.begin();
    for (int i = 0; i < 2; ++i) // declined
        test.waits.emplace_back(test.loop, (place++)->wait(net::time_point::max()));
    test.away.took(test.log);
    CHECK(test.states() == "ttttw");
}

TEST_CASE("backend: the first client of each source is called before the second of any") {
    struct row {
        const char* behaviour;
        std::vector<const char*> sources; // in the order in which they are held
        std::vector<const char*> calls;   // the states after each that was taken
    };
    const auto row = GENERATE(from_range(std::vector<struct row>{
        {"whoever came first",
         {"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"},
         {"twwtw", "ttwtt", "ttttt"}},
        {"in turns",
         {"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.2"},
         {"twwtww", "ttwttw", "tttttt"}},
        {"a /64 is one source", {"2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1"}, {"twwt", "tttt"}},
        {"a /56 has four turns",
         {"2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1", "2001:db8:0:4::1",
          "192.0.2.1"},
         {"ttwwww", "ttttww", "tttttt"}},
    }));
    CAPTURE(row.behaviour);
    queue test;
    for (const auto* const source : row.sources)
        test.join(net::time_point::max(), source);
    for (const auto* const states : row.calls) {
        test.away.took(test.log);
        CHECK(test.states() == states);
    }
}

TEST_CASE("backend: who comes later has the next turn, and not one that is over") {
    queue test;
    for (int i = 0; i < 6; ++i)
        test.join(net::time_point::max());
    test.away.took(test.log);
    CHECK(test.states() == "ttwwww");
    test.join(net::time_point::max(), "192.0.2.2");
    test.join(net::time_point::max(), "192.0.2.2");
    test.away.took(test.log);
    CHECK(test.states() == "tttwwwtw");
    test.away.took(test.log);
    CHECK(test.states() == "ttttwwtt");
}

TEST_CASE("backend: back while one is trying, the others hear of it all the same") {
    queue test;
    for (int i = 0; i < 2; ++i)
        test.join(net::time_point::max());
    CHECK(test.waits.front().get()); // and does not wait again
    test.away.took(test.log);
    CHECK(test.waits.back().get());
}

TEST_CASE("backend: a wait has an end") {
    queue test;
    test.join(net::time_point::max());
    const auto until = net::clock::now() + 5ms;
    test.join(until);
    auto& second = test.waits.back();
    CHECK_FALSE(second.get()); // not its turn
    CHECK(net::clock::now() >= until);
}

TEST_CASE("backend: a configuration that comes anew gives nobody another place") {
    queue test;
    for (int i = 0; i < 10; ++i)
        CHECK_FALSE(test.come().is_displaced());
    server::backend after{test.settings, 10, test.book, test.room};
    const auto source = *ip_address::parse("192.0.2.1");
    CHECK(server::pending{test.room, after.places(), source}.is_displaced());
    const server::pending other{test.room, after.places(), *ip_address::parse("192.0.2.2")};
    CHECK_FALSE(other.is_displaced());
    CHECK(test.pending.back().is_displaced()); // who came by the one before makes way
    const server::backend larger{test.settings, 11, test.book, test.room};
    CHECK_FALSE(test.come().is_displaced());
}

TEST_CASE("hold: clients are held while the backend is away, and all get it when it is back") {
    fixture test;
    const auto path = test.path("backend");
    test.what.stream(path).hold = 1h;
    auto& router = test.start();
    std::vector<tcp_client> clients;
    for (int i = 0; i < 5; ++i)
        clients.push_back(router.connect_with(hello));
    router.wait_until([&] { return router.counters().accepted.value() == 5; }, "five clients");
    CHECK(router.ended() == 0);
    const stream_backend back{path};
    for (int i = 0; i < 5; ++i)
        check_whole(back.take(), hello);
    router.wait_for(outcome::handed_off, 5);
}

TEST_CASE("hold: a client that is held too long has the outcome of the last attempt") {
    fixture test;
    test.what.stream(test.path("absent")).hold = 50ms;
    auto& router = test.start();
    auto client = router.connect_with(hello);
    CHECK(client.read_to_end() == ending::fin);
    client.close();
    router.wait_for(outcome::backend_absent);
}

TEST_CASE("hold: a client that leaves while it is held is let go") {
    fixture test;
    test.what.stream(test.path("absent")).hold = 1h;
    auto& router = test.start();
    auto first = router.connect_with(hello);
    auto second = router.connect_with(hello); // not the one that knocks
    router.wait_until([&] { return router.counters().accepted.value() == 2; }, "two clients");
    first.reset();
    second.reset();
    router.wait_for(outcome::client_closed, 2);
}
