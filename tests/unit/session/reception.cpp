// SPDX-License-Identifier: BSL-1.0
#include "snipass/session/reception.hpp"

#include "lost_descriptors.hpp"
#include "router_fixture.hpp"
#include "snipass/os/unix_listener.hpp"

#include <netinet/tcp.h>

#include <array>
#include <functional>

using namespace snipass;
using namespace snipass::testing;
using handoff_test::answer;
using handoff_test::answer_of;
using handoff_test::send_with;
using handoff_test::test_fd;
using server::outcome;
using server::socket_kind;

namespace {

const bytes hello = hello_for("www.example.com");

// A router with a `datagram` backend, which can have everybody, and a listener for handoffs.
struct fixture : router_fixture {
    datagram_backend backend;
    std::string in = path("in.sock");

    std::function<site()> make_file = [this] {
        site made;
        made.datagram(backend.path());
        made.route("www.example.com", 0);
        return made;
    };

    router& start() {
        what = make_file();
        auto& router = router_fixture::start();
        auto sockets = std::make_shared<std::vector<server::listener_socket>>();
        const auto open = [&](const std::string& at, int type, socket_kind kind) {
            auto made = os::listen_unix(at, type, 0600).value();
            sockets->push_back({listener_name, std::move(made.fd), false, kind, std::move(made.file)});
        };
        open(in, SOCK_STREAM, socket_kind::handoff_stream);
        open(in + ".datagram", SOCK_DGRAM, socket_kind::handoff_datagram);
        router.ask([sockets, configuration = make_file().build()](server::worker& one) {
            one.apply(configuration, std::move(*sockets));
        });
        return router;
    }

    // offer sends a good handoff of `client`; the sender's copy is still there.
    [[nodiscard]] test_fd offer(const tcp_connection& client) const {
        auto connection = handoff_test::connect_unix(in);
        const auto header = handoff_test::example_header();
        REQUIRE(send_with(connection, header, std::array{client.accepted.get()}) ==
                static_cast<ssize_t>(header.size()));
        return connection;
    }

    void offer_datagram(byte_view payload, std::span<const int> fds) const {
        const auto channel = handoff_test::connect_unix(in + ".datagram", SOCK_DGRAM);
        REQUIRE(send_with(channel, payload, fds) == static_cast<ssize_t>(payload.size()));
    }
};

// has_hung_up: the other end is closed, whatever may be read here.
bool has_hung_up(const test_fd& connection) {
    pollfd one{connection.get(), 0, 0};
    return ::poll(&one, 1, 0) == 1 && (one.revents & POLLHUP) != 0;
}

void check_ack(const test_fd& connection) {
    REQUIRE(is_readable(connection.get()));
    CHECK(answer_of(connection) == answer::ack);
}

} // namespace

TEST_CASE("reception: a client is passed on once its sender has let go of it") {
    fixture test;
    auto& router = test.start();
    tcp_connection client;
    client.client.send(hello);
    {
        const auto connection = test.offer(client);
        check_ack(connection);
        router.settle();
        CHECK_FALSE(is_readable(test.backend.fd(), std::chrono::milliseconds{0})); // two would own it
        client.accepted.reset();
    }
    const auto taken = test.backend.receive();
    CHECK(taken.first == hello);
    router.wait_for(outcome::handed_off);
    CHECK(router.counters().accepted.value() == 1);
    CHECK(router.counters().handoffs_refused.value() == 0);
}

TEST_CASE("reception: a sender that is stuck does not keep its client from being served") {
    fixture test;
    auto& router = test.start();
    tcp_connection client;
    client.client.send(hello);
    const auto connection = test.offer(client);
    check_ack(connection);
    CHECK(test.backend.receive().first == hello);
    router.wait_for(outcome::handed_off);
}

TEST_CASE("reception: a client that was taken back is not taken") {
    fixture test;
    auto& router = test.start();
    tcp_connection client;
    client.client.send(hello);
    const auto connection = handoff_test::connect_unix(test.in);
    REQUIRE(::shutdown(connection.get(), SHUT_RD) == 0);
    (void)send_with(connection, handoff_test::example_header(), std::array{client.accepted.get()});
    router.wait_until([&] { return has_hung_up(connection); }, "the router's end is closed");
    CHECK(router.counters().accepted.value() == 0);
    check_whole(client.accepted, hello);
}

TEST_CASE("reception: what is no handoff is refused, counted, and leaves nothing behind") {
    fixture test;
    auto& router = test.start();
    const tcp_connection client;
    const int fd = client.accepted.get();
    const auto good = handoff_test::example_header();
    const auto listener = plain_listener();
    const std::array lies{
        std::pair{good, std::vector<int>{}},
        std::pair{good, std::vector{fd, fd}},
        std::pair{good, std::vector{listener.get()}},
        std::pair{handoff_test::header_around(0x21, 0x11, {}), std::vector{fd}},
        std::pair{handoff_test::byte_string{'G', 'E', 'T'}, std::vector{fd}},
    };
    for (const auto& [header, fds] : lies) {
        const auto connection = handoff_test::connect_unix(test.in);
        (void)send_with(connection, header, fds);
        REQUIRE(is_readable(connection.get()));
        CHECK(answer_of(connection) == answer::closed);
    }
    test.offer_datagram(hello, {});
    test.offer_datagram(hello, std::array{fd, fd});
    test.offer_datagram({}, std::array{listener.get()});
    router.wait_until([&] { return router.counters().handoffs_refused.value() == lies.size() + 3; },
                      "refusals");
    { const auto looked = handoff_test::connect_unix(test.in); } // somebody looks whether we are there
    router.settle();
    CHECK(router.counters().handoffs_refused.value() == lies.size() + 3);
    CHECK(router.counters().accepted.value() == 0);
}

TEST_CASE("reception: a descriptor that is lost although there is room costs nobody else a client") {
    fixture test;
    auto& router = test.start();
    const tcp_connection client;
    const tcp_connection waiting;
    test.offer_datagram(byte_view{hello}.first(20), std::array{waiting.accepted.get()});
    router.wait_until_waiting(1); // whom the router would shed for want of a descriptor
    {
        const losing_descriptors refused;
        test.offer_datagram(hello, std::array{client.accepted.get()});
        router.wait_until([&] { return router.counters().handoffs_refused.value() == 1; }, "a refusal");
        const auto connection = test.offer(client);
        REQUIRE(is_readable(connection.get()));
        CHECK(answer_of(connection) == answer::closed);
    }
    CHECK(router.counters().handoffs_refused.value() == 2);
    router.wait_until_waiting(1);
    test.offer_datagram(hello, std::array{client.accepted.get()}); // and nothing is left in the queue
    CHECK(test.backend.receive().first == hello);
}

TEST_CASE("reception: a header in two pieces, and a hello in a datagram and a socket") {
    fixture test;
    auto& router = test.start();
    tcp_connection client;
    client.client.send(byte_view{hello}.subspan(50));
    SECTION("a hello in a datagram and a socket") {
        test.offer_datagram(byte_view{hello}.first(50), std::array{client.accepted.get()});
    }
    SECTION("a header in two pieces") {
        tcp_connection whole;
        std::swap(client, whole);
        client.client.send(hello);
        const auto connection = handoff_test::connect_unix(test.in);
        const auto header = handoff_test::example_header();
        const std::span<const std::uint8_t> all{header};
        (void)send_with(connection, all.first(20), std::array{client.accepted.get()});
        router.wait_until_waiting(1);
        (void)send_with(connection, all.subspan(20), {});
        check_ack(connection);
    }
    client.accepted.reset();
    CHECK(test.backend.receive().first == hello);
    router.wait_for(outcome::handed_off);
}

TEST_CASE("reception: more consumed bytes than a proxied backend's connection has room for reach it all") {
    fixture test;
    const auto backend = plain_listener();
    const int small = 536; // the sender's buffer is made for a few segments
    REQUIRE(::setsockopt(backend.get(), IPPROTO_TCP, TCP_MAXSEG, &small, sizeof small) == 0);
    test.make_file = [&] {
        site made;
        made.proxied(bound_to(backend.get())).hold = std::chrono::seconds{0};
        made.route("www.example.com", 0);
        return made;
    };
    auto& router = test.start();
    tcp_connection client;
    auto sent = hello;
    sent.resize(140'000, 0x17);
    test.offer_datagram(sent, std::array{client.accepted.get()});
    client.accepted.reset();
    const os::unique_fd connection{::accept4(backend.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    bytes got(sent.size());
    REQUIRE(::recv(connection.get(), got.data(), got.size(), MSG_WAITALL) ==
            static_cast<ssize_t>(got.size()));
    CHECK(got == sent);
    router.ask([](server::worker&) {});
    CHECK(router.ended() == 0);
}

TEST_CASE("reception: a drain waits for clients that were acknowledged, and no longer for silent senders") {
    fixture test;
    auto& router = test.start();
    tcp_connection client;
    client.client.send(hello);
    const auto silent = handoff_test::connect_unix(test.in);
    router.wait_until_waiting(1);
    const auto connection = test.offer(client);
    check_ack(connection);
    router.drain();
    router.wait_until([&] { return router.drained(); }, "drained");
    CHECK(test.backend.receive().first == hello);
    CHECK_FALSE(std::filesystem::exists(test.in));
}

TEST_CASE("reception: deny is for the address that the sender says") {
    fixture test;
    test.make_file = [before = test.make_file] {
        auto made = before();
        made.listener().admission.emplace().deny.emplace(
            std::vector{ip_prefix::parse("192.0.2.0/24").value()}); // the example's
        return made;
    };
    auto& router = test.start();
    tcp_connection client;
    client.client.send(hello);
    const auto connection = test.offer(client);
    check_ack(connection); // a sender is told nothing of it: the client is ours
    client.accepted.reset();
    router.wait_for(outcome::denied);
}
