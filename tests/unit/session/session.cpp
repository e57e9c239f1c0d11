// SPDX-License-Identifier: BSL-1.0
// Sessions up to the route: what becomes of a client whose hello is whole, partial, wrong, or never comes.
#include "snipass/session/session.hpp"

#include "router_fixture.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <thread>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using config::match_kind;
using config::policy;
using server::outcome;

namespace {

// A router with a backend for www.example.com, and no other.
struct fixture : router_fixture {
    stream_backend backend;

    fixture() {
        what.stream(backend.path());
        what.route("www.example.com", 0);
    }
};

const bytes hello = hello_for("www.example.com");
} // namespace

TEST_CASE("session: a hello that is there is routed, and all of it is in the backend's socket") {
    fixture test;
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    const auto taken = test.backend.take();
    router.wait_for(outcome::handed_off);
    CHECK(router.counters().accepted.value() == 1);
    CHECK(router.counters().of(match_kind::exact) == 1);
    bytes got(hello.size());
    REQUIRE(::recv(taken.get(), got.data(), got.size(), MSG_WAITALL) == static_cast<ssize_t>(hello.size()));
    CHECK(got == hello);
    CHECK(unread(taken.get()) == 0);
}

TEST_CASE("session: the backend's socket is as accept4 made it, whether the hello was waited for or not") {
    fixture test;
    auto& router = test.start();
    const auto client = router.connect();
    SECTION("at once") {
        client.send(hello);
    }
    SECTION("in two segments") {
        client.send_segment(byte_view{hello}.first(20));
        router.wait_until_waiting(1);
        client.send(byte_view{hello}.subspan(20));
    }
    const auto taken = test.backend.take();
    router.wait_for(outcome::handed_off);
    CHECK(option_of(taken.get(), SOL_SOCKET, SO_RCVLOWAT) == 1);
    CHECK(option_of(taken.get(), IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(unread(taken.get()) == hello.size());
    CHECK(router.ask([](server::worker& one) { return one.thread().waiting.size(); }) == 0);
}

TEST_CASE("session: a hello byte by byte is routed like any other") {
    fixture test;
    auto& router = test.start();
    const auto client = router.connect();
    for (const auto byte : hello)
        client.send(byte_view{&byte, 1});
    CHECK(unread(test.backend.take().get()) == hello.size());
    router.wait_for(outcome::handed_off);
}

TEST_CASE("session: a hello of 64 KiB in records of one byte is routed") {
    fixture test;
    auto& router = test.start();
    const auto client = router.connect();
    const auto stream = hello_builder::tls13().server_name("www.example.com").message_size(65'536).stream(1);
    const auto piece = GENERATE(1'000'000, 1448, 600);
    for (byte_view rest{stream}; !rest.empty();
         rest = rest.subspan(std::min<std::size_t>(rest.size(), piece)))
        client.send(rest.first(std::min<std::size_t>(rest.size(), piece)));
    CHECK(unread(test.backend.take().get()) == stream.size());
    router.wait_for(outcome::handed_off);
}

TEST_CASE("session: case and one trailing dot do not matter") {
    fixture test;
    auto& router = test.start();
    const auto client = router.connect_with(hello_for("WWW.Example.COM."));
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
}

TEST_CASE("session: ALPN chooses among routes of one name") {
    fixture test;
    const stream_backend acme;
    test.what.stream(acme.path());
    test.what.route("acme.example.com", 1, {"acme-tls/1"});
    test.what.route("acme.example.com", 0);
    auto& router = test.start();
    const auto one = router.connect_with(hello_for("acme.example.com", {"acme-tls/1"}));
    (void)acme.take();
    const auto two = router.connect_with(hello_for("acme.example.com", {"h2"}));
    (void)test.backend.take();
    router.wait_for(outcome::handed_off, 2);
}

TEST_CASE("session: malformed is seen at the byte that makes it so, not at the deadline") {
    fixture test;
    test.what.listener().malformed = policy::reset;
    auto& router = test.start();
    const auto client = router.connect();
    SECTION("with the first bytes") {
        client.send(bytes{22, 3, 1, 0, 0});
    } // an empty record
    SECTION("after a wait") {
        client.send_segment(bytes{22, 3, 1});
        router.wait_until_waiting(1);
        client.send(bytes{0, 0});
    }
    SECTION("a hello over hello_max, by its length") {
        client.send(bytes{22, 3, 1, 0x40, 0, 1, 1, 0, 0});
    }
    CHECK(client.read_to_end() == ending::reset);
    router.wait_for(outcome::malformed);
}

TEST_CASE("session: a client that leaves before its hello is complete has closed") {
    fixture test;
    auto& router = test.start();
    auto client = router.connect();
    client.send_segment(byte_view{hello}.first(100));
    router.wait_until_waiting(1);
    SECTION("by FIN") {
        client.close();
    }
    SECTION("by RST") {
        client.reset();
    }
    SECTION("by FIN, with more bytes that are not enough") {
        client.send(byte_view{hello}.subspan(100, 10));
        client.close();
    }
    router.wait_for(outcome::client_closed);
    CHECK(router.ask([](server::worker& one) { return one.thread().waiting.size(); }) == 0);
}

TEST_CASE("session: a client that connects and leaves has closed") {
    fixture test;
    auto& router = test.start();
    router.connect().close(); // the FIN ends TCP_DEFER_ACCEPT's wait, too
    router.wait_for(outcome::client_closed);
}

TEST_CASE("session: a client that has said all and closed its side is routed") {
    fixture test;
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    client.finish();
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
}

TEST_CASE("session: a hello that is not complete in time ends at the deadline, whatever is sent meanwhile") {
    fixture test;
    test.what.server().hello_timeout = 500ms; // from accept: the first byte must be there by then
    auto& router = test.start();
    const auto client = router.connect();
    SECTION("silent after the first bytes") {
        client.send(byte_view{hello}.first(3));
    }
    SECTION("a byte now and then") {
        for (std::size_t i = 0; router.ended() == 0; ++i) {
            REQUIRE(i < hello.size());
            if (::send(client.fd(), &hello[i], 1, MSG_NOSIGNAL) != 1)
                break;
            std::this_thread::sleep_for(10ms);
        }
    }
    SECTION("urgent data, behind which nobody can look") {
        client.send(byte_view{hello}.first(20));
        client.send_urgent('!');
        client.send(byte_view{hello}.subspan(20));
    }
    router.wait_for(outcome::hello_timeout);
    CHECK(client.read_to_end() == ending::reset); // with bytes unread
}

TEST_CASE("session: a balancer's header is taken, and its client is the client") {
    fixture test;
    test.what.listener().accept_proxy_protocol = {*ip_prefix::parse("127.0.0.0/8")};
    auto& router = test.start();
    const auto client = router.connect();
    const std::string header = "PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n";
    SECTION("with the hello") {
        client.send(joined({bytes(header.begin(), header.end()), hello}));
    }
    SECTION("byte by byte") {
        for (const auto byte : header)
            client.send_segment(as_bytes({&byte, 1}));
        client.send(hello);
    }
    const auto offer = test.backend.receive();
    REQUIRE(offer.answer() == 0);
    offer.wait_for_end();
    CHECK(unread(offer.client.get()) == hello.size());
    CHECK(option_of(offer.client.get(), SOL_SOCKET, SO_RCVLOWAT) == 1);
    CHECK(bytes(offer.header.begin() + 16, offer.header.begin() + 28) ==
          bytes{192, 0, 2, 7, 198, 51, 100, 1, 0xc3, 0x50, 0x01, 0xbb});
    router.wait_for(outcome::handed_off);
}

TEST_CASE(
    "session: from a balancer, what is no header of its is closed, and what is not complete times out") {
    fixture test;
    test.what.server().hello_timeout = 100ms;
    test.what.listener().accept_proxy_protocol = {*ip_prefix::parse("127.0.0.0/8")};
    auto& router = test.start();
    const auto client = router.connect();
    SECTION("a hello") {
        client.send(hello);
        router.wait_for(outcome::bad_proxy_header);
    }
    SECTION("half a header") {
        client.send("PROXY TCP4 192.0.2.7");
        router.wait_for(outcome::hello_timeout);
    }
    SECTION("a header with urgent data, behind which nobody can look") {
        client.send("PROXY TCP4 192.0.2.7");
        client.send_urgent(' ');
        client.send("198.51.100.1 50000 443\r\n");
        router.wait_for(outcome::hello_timeout);
    }
}

TEST_CASE("session: one over max_waiting sheds the oldest, which is closed") {
    fixture test;
    test.what.server().max_waiting = 2;
    auto& router = test.start();
    std::vector<tcp_client> clients;
    for (std::size_t i = 0; i < 2; ++i) {
        clients.push_back(router.connect_with(byte_view{hello}.first(3)));
        router.wait_until_waiting(i + 1);
    }
    CHECK(router.ended() == 0); // at the limit
    clients.push_back(router.connect_with(byte_view{hello}.first(3)));
    router.wait_for(outcome::shed);
    CHECK(clients[0].read_to_end() == ending::reset);
    CHECK(router.ask([](server::worker& one) { return one.thread().waiting.size(); }) == 2);
    for (const auto i : {1U, 2U}) { // the others are served
        clients[i].send(byte_view{hello}.subspan(3));
        (void)test.backend.take();
    }
    router.wait_for(outcome::handed_off, 2);
}

TEST_CASE("session: one over max_waiting_per_source sheds the source's oldest") {
    fixture test;
    test.what.server().max_waiting_per_source = 1;
    auto& router = test.start();
    const auto first = router.connect_with(byte_view{hello}.first(3));
    router.wait_until_waiting(1);
    const auto second = router.connect_with(byte_view{hello}.first(3));
    router.wait_for(outcome::shed_source);
    CHECK(first.read_to_end() == ending::reset);
    second.send(byte_view{hello}.subspan(3));
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
}

TEST_CASE("session: what is in flight when the worker ends is cut off, and nothing of it stays") {
    fixture test;
    const stream_backend silent;
    test.what.stream(silent.path());
    test.what.route("silent.example.com", 1);
    auto& router = test.start();
    const auto waiting = router.connect_with(byte_view{hello}.first(3));
    router.wait_until_waiting(1);
    const auto offered = router.connect_with(hello_for("silent.example.com"));
    const auto never_acknowledged = silent.receive();
    test.running.reset();
    CHECK(never_acknowledged.answer() == EPIPE);
    CHECK(waiting.read_to_end() == ending::reset);
}
