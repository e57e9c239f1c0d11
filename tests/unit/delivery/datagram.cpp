// SPDX-License-Identifier: BSL-1.0
// Routed clients on their way to a `datagram` backend, which gets their first bytes in the datagram.
#include "router_fixture.hpp"
#include "snipass/delivery/delivery.hpp"

#include <fcntl.h>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::outcome;

namespace {

const bytes hello = hello_for("www.example.com");

// fixture's clients all go to backend 0.
struct fixture : router_fixture {
    fixture() { what.otherwise(0); }
};

} // namespace

TEST_CASE("delivery by datagram: a datagram has the client's first bytes, the socket what follows") {
    fixture test;
    const datagram_backend backend;
    test.what.datagram(backend.path());
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    const auto taken = backend.receive();
    CHECK(taken.first == hello);
    router.wait_for(outcome::handed_off);
    client.send("more");
    wait_until_unread(taken.client.get(), 4);
}

TEST_CASE("delivery by datagram: what comes with the hello stays in the socket, behind it") {
    fixture test;
    const datagram_backend backend;
    test.what.datagram(backend.path());
    auto& router = test.start();
    const auto early = record(bytes(3000), 23);
    const auto client = router.connect_with(joined({hello, early}));
    const auto taken = backend.receive();
    CHECK(taken.first == hello);
    wait_until_unread(taken.client.get(), early.size());
}

TEST_CASE("delivery by datagram: a client waits for room in a datagram backend's queue") {
    fixture test;
    const datagram_backend backend;
    test.what.datagram(backend.path());
    auto& router = test.start();
    std::vector<tcp_client> clients;
    SECTION("full before, as is asked about") {
        (void)fill_queue(backend.path());
    }
    SECTION("full by surprise, when the bytes are out of the socket") {
        clients.push_back(router.connect_with(hello));
        CHECK(backend.receive().first == hello);
        (void)fill_queue(backend.path());
    }
    clients.push_back(router.connect_with(hello));
    router.wait_until([&] { return router.counters().accepted.value() == clients.size(); }, "the client");
    while (true) {
        auto message = receive_unix(backend.fd());
        if (message.fds.empty())
            continue; // the filling
        CHECK(message.data == hello);
        break;
    }
    router.wait_for(outcome::handed_off, clients.size());
}

TEST_CASE("delivery by datagram: a datagram backend that was restarted gets the client at once") {
    fixture test;
    const auto path = test.path("backend");
    auto backend = std::make_unique<datagram_backend>(path);
    test.what.datagram(path);
    auto& router = test.start();
    const auto first = router.connect_with(hello);
    CHECK(backend->receive().first == hello);
    backend.reset();
    std::filesystem::remove(path);
    backend = std::make_unique<datagram_backend>(path);
    const auto second = router.connect_with(hello);
    CHECK(backend->receive().first == hello);
    router.wait_for(outcome::handed_off, 2);
}

namespace {

// surprised has one client whose bytes were consumed for a datagram backend that then had no room for it.
struct surprised : fixture {
    datagram_backend full;
    std::vector<tcp_client> clients;

    surprised() { handoff_of(what.datagram(full.path())).queue_timeout = 20ms; }

    router& begin(std::size_t sorry, const bytes& first = hello) {
        what.backend(0).sorry = sorry;
        auto& router = start();
        clients.push_back(router.connect_with(hello));
        CHECK(full.receive().first == hello);
        router.wait_for(outcome::handed_off);
        (void)fill_queue(full.path());
        clients.push_back(router.connect_with(first));
        return router;
    }
};

} // namespace

TEST_CASE("delivery by datagram: what was consumed for one datagram backend goes to the next") {
    surprised test;
    const datagram_backend next;
    test.what.datagram(next.path());
    auto& router = test.begin(1);
    CHECK(next.receive().first == hello);
    router.wait_for(outcome::handed_off, 2);
}

TEST_CASE("delivery by datagram: what was consumed for a datagram backend goes to a proxied one") {
    surprised test;
    const auto listener = plain_listener();
    test.what.proxied(bound_to(listener.get()));
    const auto large = hello_builder::tls13().server_name("www.example.com").message_size(65'536).stream(1);
    auto& router = test.begin(1, large);
    const tcp_client backend{accept_plain(listener.get())};
    const auto flags = ::fcntl(backend.fd(), F_GETFL);
    REQUIRE(::fcntl(backend.fd(), F_SETFL, flags & ~O_NONBLOCK) == 0);
    CHECK(backend.receive(large.size()) == as_text(large));
    test.clients.back().close();
    CHECK(backend.read_to_end() == ending::fin);
    (void)router;
}

TEST_CASE("delivery by datagram: a stream backend is not offered a client without its bytes, and the log can "
          "say why") {
    surprised test;
    const stream_backend next;
    test.what.stream(next.path());
    auto& router = test.begin(1);
    CHECK(test.clients.back().read_to_end() == ending::fin);
    test.clients.back().close();
    router.wait_for(outcome::backend_failed);
    CHECK_FALSE(is_readable(next.fd(), 0ms));
}

// Such a client cannot be delivered there, however long it waits; as the first in the queue it would keep
// the others from hearing that the backend is back.
TEST_CASE("delivery by datagram: a client without its bytes is not held for a stream backend") {
    surprised test;
    test.what.stream(test.path("absent")).hold = 1h;
    auto& router = test.begin(1);
    CHECK(test.clients.back().read_to_end() == ending::fin);
    test.clients.back().close();
    router.wait_for(outcome::backend_failed);
}
