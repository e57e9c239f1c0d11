// SPDX-License-Identifier: BSL-1.0
// Routed clients on their way to a backend: taken, refused, held, passed on to the next, lost by nobody.
#include "snipass/delivery/delivery.hpp"

#include "router_fixture.hpp"

#include <fcntl.h>

#include <algorithm>
#include <functional>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::outcome;

namespace {

const bytes hello = hello_for("www.example.com", {"h2", "http/1.1"});

// fixture's clients all go to backend 0, whatever it is.
struct fixture : router_fixture {
    fixture() { what.otherwise(0); }
};

bool contains(const bytes& all, const bytes& part) {
    return std::ranges::search(all, part).begin() != all.end();
}

} // namespace

TEST_CASE("delivery: the header says who the client is, what it wants, and is another each time") {
    fixture test;
    const stream_backend backend;
    test.what.stream(backend.path());
    auto& router = test.start();
    std::vector<bytes> ids;
    for (int i = 0; i < 2; ++i) {
        const auto client = router.connect_with(hello);
        const auto offer = backend.receive();
        REQUIRE(offer.answer() == 0);
        offer.wait_for_end();
        const auto port = client.local().port;
        const bytes addresses{127,
                              0,
                              0,
                              1,
                              127,
                              0,
                              0,
                              1,
                              static_cast<std::uint8_t>(port >> 8),
                              static_cast<std::uint8_t>(port),
                              static_cast<std::uint8_t>(router.address().port >> 8),
                              static_cast<std::uint8_t>(router.address().port)};
        CHECK(bytes(offer.header.begin() + 16, offer.header.begin() + 28) == addresses);
        const std::string name = "www.example.com";
        CHECK(contains(offer.header, joined({{2, 0, 15}, bytes(name.begin(), name.end())})));
        CHECK(contains(offer.header, {1, 0, 2, 'h', '2'}));
        ids.emplace_back(offer.header.end() - 16, offer.header.end());
    }
    CHECK(bytes(ids[0].begin(), ids[0].begin() + 8) == bytes(ids[1].begin(), ids[1].begin() + 8));
    CHECK(ids[0] != ids[1]);
    router.wait_for(outcome::handed_off, 2);
}

TEST_CASE("delivery: a hello without a host name says none in the header") {
    fixture test;
    const stream_backend backend;
    test.what.stream(backend.path());
    auto& router = test.start();
    const auto first = GENERATE(hello_for("192.0.2.1"), hello_builder::tls13().stream(), bytes{'G'});
    const auto client = router.connect_with(first);
    const auto offer = backend.receive();
    REQUIRE(offer.answer() == 0);
    CHECK(offer.header.size() == 28 + 19); // UNIQUE_ID alone
    router.wait_for(outcome::handed_off);
}

TEST_CASE("delivery: the next address is tried when one does not take the client") {
    fixture test;
    const stream_backend backend;
    const stream_backend declining;
    auto& settings = test.what.stream(test.path("absent"));
    handoff_of(settings).paths.push_back(declining.path());
    handoff_of(settings).paths.push_back(backend.path());
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    (void)declining.receive();
    check_whole(backend.take(), hello);
    router.wait_for(outcome::handed_off);
    CHECK(router.ended() == 1);
}

TEST_CASE("delivery: what a backend that declined has left in the socket, the next one does not find") {
    fixture test;
    const stream_backend backend;
    const stream_backend declining;
    const datagram_backend datagrams;
    auto& settings = test.what.stream(declining.path());
    const bool is_stream = GENERATE(true, false);
    if (is_stream)
        handoff_of(settings).paths.push_back(backend.path());
    else
        test.what.datagram(datagrams.path());
    test.what.backend(0).sorry = is_stream ? std::nullopt : std::optional<std::size_t>{1};
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    {
        const auto offer = declining.receive();
        const int many = 1'000;
        REQUIRE(::setsockopt(offer.client.get(), SOL_SOCKET, SO_RCVLOWAT, &many, sizeof many) == 0);
        REQUIRE(::fcntl(offer.client.get(), F_SETFL, O_NONBLOCK) == 0);
    }
    const auto taken = is_stream ? backend.take() : datagrams.receive().client;
    CHECK(option_of(taken.get(), SOL_SOCKET, SO_RCVLOWAT) == 1);
    CHECK((::fcntl(taken.get(), F_GETFL) & O_NONBLOCK) == 0);
    router.wait_for(outcome::handed_off);
}

TEST_CASE("delivery: the sorry backend gets the client whole, whatever was wrong with the first") {
    fixture test;
    const stream_backend sorry;
    const stream_backend busy{abstract_name(), 0};
    const stream_backend silent;
    const stream_backend declining;
    const datagram_backend full;
    std::vector<os::unique_fd> fill;
    std::function<void()> meanwhile = [] {};
    SECTION("absent") {
        test.what.stream(test.path("absent"));
    }
    SECTION("refused") {
        test.what.stream(abstract_name());
    }
    SECTION("busy") {
        handoff_of(test.what.stream(busy.path())).ack_timeout = 20ms;
        fill = fill_backlog(busy.path());
    }
    SECTION("queue full") {
        handoff_of(test.what.datagram(full.path())).queue_timeout = 20ms;
        (void)fill_queue(full.path());
    }
    SECTION("silent") {
        handoff_of(test.what.stream(silent.path())).ack_timeout = 20ms;
    }
    SECTION("declined") {
        test.what.stream(declining.path());
        meanwhile = [&] { (void)declining.receive(); };
    }
    SECTION("at max_pending") {
        test.what.stream(silent.path()).max_pending = 0;
    }
    SECTION("proxied, refused") {
        const auto nobody = bound_to(plain_listener().get());
        test.what.proxied(nobody);
    }
    test.what.stream(sorry.path());
    test.what.backend(0).sorry = 1;
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    meanwhile();
    check_whole(sorry.take(), hello);
    router.wait_for(outcome::handed_off);
}

namespace {

// A backend that does not take clients, and what that comes to.
struct failure_row {
    const char* behaviour;
    outcome end;
    std::function<std::shared_ptr<void>(fixture&)> prepare; // adds the backend; keeps what it needs alive
    std::function<void(void*)> meanwhile = [](void*) {};
};

template <class Backend>
std::shared_ptr<void> keep(Backend backend) {
    return std::make_shared<Backend>(std::move(backend));
}

const std::vector<failure_row> failures{
    {"no socket at its path", outcome::backend_absent,
     [](fixture& test) {
         test.what.stream(test.path("absent"));
         return std::shared_ptr<void>{};
     }},
    {"a socket that nobody listens on", outcome::backend_refused,
     [](fixture& test) {
         stream_backend gone{test.path("gone")};
         test.what.stream(gone.path());
         return std::shared_ptr<void>{};
     }},
    {"a backlog that stays full", outcome::backend_backlog_full,
     [](fixture& test) {
         auto kept = std::make_shared<std::pair<stream_backend, std::vector<os::unique_fd>>>(
             stream_backend{abstract_name(), 0}, std::vector<os::unique_fd>{});
         kept->second = fill_backlog(kept->first.path());
         handoff_of(test.what.stream(kept->first.path())).ack_timeout = 20ms;
         return std::shared_ptr<void>{kept};
     }},
    {"a queue that stays full", outcome::backend_queue_full,
     [](fixture& test) {
         datagram_backend full;
         (void)fill_queue(full.path());
         handoff_of(test.what.datagram(full.path())).queue_timeout = 20ms;
         return keep(std::move(full));
     }},
    {"no room for another pending client", outcome::backend_max_pending,
     [](fixture& test) {
         test.what.stream(abstract_name()).max_pending = 0;
         return std::shared_ptr<void>{};
     }},
    {"closed without ACK", outcome::backend_declined,
     [](fixture& test) {
         stream_backend declining;
         test.what.stream(declining.path());
         return keep(std::move(declining));
     },
     [](void* backend) { (void)static_cast<stream_backend*>(backend)->receive(); }},
    {"no ACK in time", outcome::backend_silent,
     [](fixture& test) {
         stream_backend silent;
         handoff_of(test.what.stream(silent.path())).ack_timeout = 20ms;
         return keep(std::move(silent));
     }},
    {"a socket of another type", outcome::backend_failed,
     [](fixture& test) {
         datagram_backend other{test.path("other")};
         test.what.stream(other.path());
         return keep(std::move(other));
     }},
    {"proxied, nobody listens", outcome::backend_refused,
     [](fixture& test) {
         test.what.proxied(bound_to(plain_listener().get()));
         return std::shared_ptr<void>{};
     }},
    {"proxied, no socket at its path", outcome::backend_absent,
     [](fixture& test) {
         test.what.proxied(test.path("absent"));
         return std::shared_ptr<void>{};
     }},
};

} // namespace

TEST_CASE("delivery: a client that nobody takes is closed by FIN, and the outcome says why") {
    const auto row = GENERATE(from_range(failures));
    CAPTURE(row.behaviour);
    fixture test;
    const auto backend = row.prepare(test);
    auto& router = test.start();
    auto client = router.connect_with(hello);
    row.meanwhile(backend.get());
    CHECK(client.read_to_end() == ending::fin);
    client.close();
    router.wait_for(row.end);
    CHECK(router.ended() == 1);
}

TEST_CASE("delivery: from a silent backend the client is taken back whole, and its late ACK fails") {
    fixture test;
    const stream_backend silent;
    const stream_backend next;
    auto& settings = test.what.stream(silent.path());
    handoff_of(settings).ack_timeout = 500ms; // `next` has that long, too
    handoff_of(settings).paths.push_back(next.path());
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    const auto late = silent.receive();
    check_whole(next.take(), hello);
    CHECK(late.answer() == EPIPE);
    router.wait_for(outcome::handed_off);
}

TEST_CASE("delivery: hold ends in time, whatever ack_timeout is") {
    fixture test;
    const auto path = test.path("late");
    auto& settings = test.what.stream(path);
    settings.hold = 500ms;
    handoff_of(settings).ack_timeout = 24h;
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    router.wait_until([&] { return router.counters().accepted.value() == 1; }, "the client");
    router.settle(); // the first attempt is over
    const stream_backend silent{path};
    const auto offer = silent.receive();
    CHECK(client.read_to_end() == ending::fin);
    router.wait_for(outcome::backend_silent);
}

TEST_CASE("delivery: a backend that has declined is not called silent because hold ends the next attempt") {
    fixture test;
    const stream_backend declining;
    auto& settings = test.what.stream(declining.path());
    settings.hold = 500ms;
    handoff_of(settings).ack_timeout = 24h;
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    (void)declining.receive();
    const auto last = declining.receive(); // and no answer to this one
    CHECK(client.read_to_end() == ending::fin);
    router.wait_for(outcome::backend_declined);
}

TEST_CASE("delivery: a client is held first and goes to the sorry backend after that, whatever its kind") {
    fixture test;
    const stream_backend sorry;
    const auto path = test.path("away");
    const auto port = bound_to(plain_listener().get());
    auto& settings = GENERATE(true, false) ? test.what.stream(path) : test.what.proxied(port);
    SECTION("for as long as hold says") {
        settings.hold = 50ms;
        settings.sorry = 1;
        test.what.stream(sorry.path());
        auto& router = test.start();
        const auto client = router.connect_with(hello);
        check_whole(sorry.take(), hello);
        router.wait_for(outcome::handed_off);
    }
    SECTION("and not before") {
        settings.hold = 1h;
        settings.sorry = 1;
        test.what.stream(sorry.path());
        auto& router = test.start();
        auto client = router.connect_with(hello);
        router.wait_until([&] { return router.counters().accepted.value() == 1; }, "the client");
        CHECK_FALSE(is_readable(sorry.fd(), 100ms));
        client.reset();
        router.wait_for(outcome::client_closed);
    }
}

TEST_CASE("delivery: a backend that does not answer delays nobody else's clients") {
    fixture test;
    const stream_backend silent;
    const stream_backend other;
    test.what.stream(silent.path());
    test.what.stream(other.path());
    test.what.route("other.example.com", 1);
    auto& router = test.start();
    const auto stuck = router.connect_with(hello);
    const auto offer = silent.receive();
    for (int i = 0; i < 10; ++i) {
        const auto client = router.connect_with(hello_for("other.example.com"));
        (void)other.take();
    }
    router.wait_for(outcome::handed_off, 10);
    REQUIRE(offer.answer() == 0);
    router.wait_for(outcome::handed_off, 11);
}

TEST_CASE("delivery: max_pending is a limit of those on their way, not of those taken") {
    fixture test;
    const stream_backend backend;
    test.what.stream(backend.path()).max_pending = 1;
    auto& router = test.start();
    const auto first = router.connect_with(hello);
    const auto offer = backend.receive();
    auto second = router.connect_with(hello);
    CHECK(second.read_to_end() == ending::fin);
    second.close();
    router.wait_for(outcome::backend_max_pending);
    REQUIRE(offer.answer() == 0);
    router.wait_for(outcome::handed_off);
    const auto third = router.connect_with(hello);
    (void)backend.take();
    router.wait_for(outcome::handed_off, 2);
}

TEST_CASE("delivery: a proxied client is relayed both ways, half-close and all") {
    fixture test;
    const auto listener = plain_listener();
    test.what.proxied(bound_to(listener.get()));
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    const auto accepted = accept_plain(listener.get());
    const int flags = ::fcntl(accepted.get(), F_GETFL);
    REQUIRE(::fcntl(accepted.get(), F_SETFL, flags & ~O_NONBLOCK) == 0);
    const tcp_client backend{os::unique_fd{::dup(accepted.get())}};
    CHECK(backend.receive(hello.size()) == as_text(hello));
    client.finish();
    CHECK(backend.read_to_end() == ending::fin);
    backend.send("answer");
    backend.finish();
    std::string heard;
    CHECK(client.read_to_end(heard) == ending::fin);
    CHECK(heard == "answer");
    router.wait_for(outcome::proxied);
}
