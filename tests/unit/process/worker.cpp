// SPDX-License-Identifier: BSL-1.0
// One thread's listeners and sessions as a whole: reloads, drains, what is counted.
#include "snipass/process/worker.hpp"

#include "router_fixture.hpp"
#include "snipass/os/tcp.hpp"

#include <fcntl.h>

#include <algorithm>
#include <thread>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::outcome;

namespace {

const bytes hello = hello_for("www.example.com");

struct fixture : router_fixture {
    stream_backend backend;

    fixture() {
        what.stream(backend.path());
        what.route("www.example.com", 0);
    }
};

} // namespace

TEST_CASE("worker: a reload is for the next clients, those under way keep what they began with") {
    fixture test;
    const stream_backend after;
    auto& router = test.start();
    const auto before = router.connect_with(byte_view{hello}.first(3));
    router.wait_until_waiting(1);
    site next;
    next.stream(after.path());
    next.route("www.example.com", 0);
    router.apply(std::move(next));
    const auto newcomer = router.connect_with(hello);
    (void)after.take();
    before.send(byte_view{hello}.subspan(3));
    (void)test.backend.take();
    router.wait_for(outcome::handed_off, 2);
}

TEST_CASE("worker: a reload changes the bounds of those who come next") {
    fixture test;
    auto& router = test.start();
    std::vector<tcp_client> clients;
    for (std::size_t i = 0; i < 3; ++i) {
        clients.push_back(router.connect_with(byte_view{hello}.first(3)));
        router.wait_until_waiting(i + 1);
    }
    site next;
    next.server().max_waiting = 1;
    next.stream(test.backend.path());
    router.apply(std::move(next));
    CHECK(router.ended() == 0);
    clients.push_back(router.connect_with(byte_view{hello}.first(3)));
    router.wait_for(outcome::shed, 1);
}

TEST_CASE("worker: a listener that the file no longer has is closed, once its backlog is served") {
    fixture test;
    auto& router = test.start();
    site next;
    next.listener().address = "another";
    router.ask([configuration = next.build(), &router](server::worker& one) {
        // It came before the reload, but the worker did not look.
        const auto client = router.connect_with(hello);
        one.apply(configuration, {});
    });
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
    CHECK_THROWS(router.connect()); // refused
}

TEST_CASE("worker: drained at once if nothing is in flight") {
    fixture test;
    auto& router = test.start();
    router.drain();
    router.wait_until([&] { return router.drained(); }, "the drain");
    CHECK_THROWS(router.connect());
}

TEST_CASE("worker: drained when the last session has ended, however it does") {
    fixture test;
    auto& router = test.start();
    auto waiting = router.connect_with(byte_view{hello}.first(3));
    router.wait_until_waiting(1);
    const auto offered = router.connect_with(hello);
    const auto offer = test.backend.receive();
    router.drain();
    router.settle();
    CHECK_FALSE(router.drained());
    REQUIRE(offer.answer() == 0);
    router.wait_for(outcome::handed_off);
    CHECK_FALSE(router.drained());
    waiting.close();
    router.wait_for(outcome::client_closed);
    router.wait_until([&] { return router.drained(); }, "the drain");
}

TEST_CASE("worker: a drain waits for proxied sessions") {
    fixture test;
    const auto listener = plain_listener();
    test.what.proxied(bound_to(listener.get()));
    test.what.otherwise(1);
    auto& router = test.start();
    auto client = router.connect_with(hello_for("proxied.example.com"));
    auto backend = accept_plain(listener.get());
    router.drain();
    router.settle();
    CHECK_FALSE(router.drained());
    client.reset();
    router.wait_for(outcome::proxied);
    router.wait_until([&] { return router.drained(); }, "the drain");
}

TEST_CASE("worker: a drain serves the backlog of a socket of its own, and leaves that of a lent one") {
    const same_descriptors check;
    const bool lent = GENERATE(false, true);
    CAPTURE(lent);
    const stream_backend backend;
    site what;
    what.stream(backend.path());
    what.otherwise(0);
    const auto configuration = what.build();
    server::address_book book;
    server::log log{configuration->log};
    auto socket = os::listen_tcp(*configuration->listeners.front().endpoint).value();
    const auto address = bound_to(socket.get());
    const os::unique_fd lender{::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0)}; // as systemd keeps one
    server::worker worker{{.for_clients = 100}, book, log};
    std::vector<server::listener_socket> sockets;
    sockets.push_back({listener_name, std::move(socket), lent});
    worker.apply(configuration, std::move(sockets));
    const tcp_client client{address};
    client.send(hello);
    REQUIRE(is_readable(lender.get()));
    bool drained = false;
    worker.drain([&] {
        drained = true;
        worker.stop();
    });
    std::jthread thread{[&] { worker.run(); }};
    if (!lent)
        (void)backend.take();
    thread.join();
    CHECK(drained);
    CHECK(worker.counters().accepted.value() == (lent ? 0 : 1));
    CHECK(is_readable(lender.get(), 0ms) == lent);
}

TEST_CASE("worker: many clients at once, each counted once") {
    fixture test;
    auto& router = test.start();
    std::vector<tcp_client> clients;
    for (int i = 0; i < 100; ++i)
        clients.push_back(router.connect_with(hello));
    for (int i = 0; i < 100; ++i)
        (void)test.backend.take();
    router.wait_for(outcome::handed_off, 100);
    CHECK(router.counters().accepted.value() == 100);
    CHECK(router.ended() == 100);
}
