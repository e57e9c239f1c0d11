// SPDX-License-Identifier: BSL-1.0
// libsnipass: what a receiver takes, when, and what it says of it.
#include "receiver_fixture.hpp"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <set>
#include <sstream>
#include <sys/epoll.h>
#include <thread>
#include <vector>

using namespace handoff_test;

namespace {

// The bytes of the hexdump in docs/handoff.md: the page and the code must not drift apart.
byte_string documented_header() {
    std::ifstream page(SNIPASS_SOURCE_DIR "/docs/handoff.md");
    byte_string bytes;
    for (std::string line; std::getline(page, line);) {
        if (line.size() < 7 || line.compare(0, 2, "00") != 0 || line.compare(4, 2, "  ") != 0)
            continue;
        std::istringstream row(line.substr(6, 47));
        for (std::string byte; row >> byte && byte.size() == 2 && isxdigit(byte[0]) != 0;)
            bytes.push_back(static_cast<std::uint8_t>(std::stoul(byte, nullptr, 16)));
    }
    return bytes;
}

} // namespace

TEST_CASE("libsnipass: the header in docs/handoff.md is the one that is tested here") {
    CHECK(documented_header() == example_header());
}

TEST_CASE_METHOD(fixture, "libsnipass: a client comes with what the router says of it") {
    const auto before = open_descriptors();
    {
        const auto receiver = listen();
        REQUIRE(receiver);
        auto client = make_tcp_pair();
        const int flags = GENERATE(0, O_NONBLOCK); // the router's own, and that of one in front of it
        REQUIRE(fcntl(client.near.get(), F_SETFL, flags) == 0);
        auto connection = connect_unix(path);
        send_with(connection, example_header(), std::array{client.near.get()});
        CHECK(takes_nothing(receiver)); // acknowledged, not let go yet
        CHECK(answer_of(connection) == answer::ack);
        CHECK((fcntl(client.near.get(), F_GETFL) & O_NONBLOCK) == flags); // the router's until then
        const auto near_address = address_of(client.near.get(), getsockname);
        client.near.reset();
        connection.reset();

        const auto taken = receive(receiver, 5000);
        REQUIRE(taken);
        CHECK(text_of(snipass_client_peer(taken.get(), nullptr)) ==
              address_of(client.far.get(), getsockname));
        CHECK(text_of(snipass_client_local(taken.get(), nullptr)) == near_address);
        CHECK(snipass_client_host_name(taken.get()) == "blog.example.com"s);
        std::size_t size = 0;
        const auto* alpn = snipass_client_alpn(taken.get(), &size);
        CHECK(std::string(alpn, alpn + size) == "h2");
        const auto* id = snipass_client_id(taken.get());
        REQUIRE(id != nullptr);
        CHECK(id[0] == 0x8f);
        CHECK(id[15] == 0x2a);
        CHECK(snipass_client_consumed(taken.get(), &size) == nullptr);
        CHECK(size == 0);
        CHECK((fcntl(snipass_client_fd(taken.get()), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK((fcntl(snipass_client_fd(taken.get()), F_GETFL) & O_NONBLOCK) == 0); // as accept() does
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(fixture, "libsnipass: what the router does not know is absent") {
    const auto receiver = listen();
    auto client = make_tcp_pair();
    {
        const auto connection = connect_unix(path);
        send_with(connection, header_around(0x21, 0x11, byte_string(12)), std::array{client.near.get()});
    }
    // The sender is gone before it was acknowledged: that is a refusal, and not a client.
    CHECK(takes_nothing(receiver));
    const auto connection = connect_unix(path);
    send_with(connection, header_around(0x21, 0x11, byte_string(12)), std::array{client.near.get()});
    shutdown(connection.get(), SHUT_WR);
    const auto taken = receive(receiver);
    REQUIRE(taken);
    CHECK(snipass_client_host_name(taken.get()) == ""s);
    CHECK(snipass_client_alpn(taken.get(), nullptr) == nullptr);
    CHECK(snipass_client_id(taken.get()) == nullptr);
}

TEST_CASE_METHOD(fixture, "libsnipass: a client that has gone keeps the addresses that the router saw") {
    const auto receiver = listen();
    auto client = make_tcp_pair();
    const linger reset{1, 0};
    setsockopt(client.far.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    client.far.reset();
    byte_string v6(36);
    v6[0] = 0x20, v6[15] = 1, v6[31] = 2, v6[33] = 9, v6[35] = 10;
    const auto connection = connect_unix(path);
    send_with(connection, header_around(0x21, 0x21, v6), std::array{client.near.get()});
    shutdown(connection.get(), SHUT_WR);
    const auto taken = receive(receiver);
    REQUIRE(taken);
    CHECK(text_of(snipass_client_peer(taken.get(), nullptr)) == "[2000::1]:9");
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: takes every host name that DNS has, and skips types that it does not know") {
    const auto receiver = listen();
    auto client = make_tcp_pair();
    const auto name = GENERATE("a"s, "www.example.com"s, "_sip._tcp.example"s, "xn--bcher-kva.example"s,
                               "1.2.3.4"s, "abcdefghijklmnopqrstuvwxyz-0123456789"s);
    byte_string rest(12);
    append_tlv(rest, 0x02, name);
    append_tlv(rest, 0x30, "one");
    append_tlv(rest, 0x30, "\n");
    append_tlv(rest, 0x04, "");
    const auto connection = connect_unix(path);
    send_with(connection, header_around(0x21, 0x11, rest), std::array{client.near.get()});
    shutdown(connection.get(), SHUT_WR);
    const auto taken = receive(receiver);
    REQUIRE(taken);
    CHECK(snipass_client_host_name(taken.get()) == name);
}

TEST_CASE_METHOD(fixture, "libsnipass: takes the longest names and headers there may be") {
    const auto receiver = listen();
    auto client = make_tcp_pair();
    byte_string rest(12);
    append_tlv(rest, 0x02, std::string(253, 'a'));
    append_tlv(rest, 0x01, std::string(255, 'b'));
    append_tlv(rest, 0x04, std::string(1024 - 16 - rest.size() - 3, '\0')); // PP2_TYPE_NOOP
    const auto header = header_around(0x21, 0x11, rest);
    REQUIRE(header.size() == 1024);
    const auto connection = connect_unix(path);
    send_with(connection, header, std::array{client.near.get()});
    shutdown(connection.get(), SHUT_WR);
    const auto taken = receive(receiver);
    REQUIRE(taken);
    CHECK(snipass_client_host_name(taken.get()) == std::string(253, 'a'));
}

TEST_CASE_METHOD(
    fixture, "libsnipass: a router that acknowledges late, never, or dies does not keep a client from us") {
    options.patience_ms = 50;
    const auto receiver = listen();
    auto client = make_tcp_pair();
    auto connection = connect_unix(path);
    send_with(connection, example_header(), std::array{client.near.get()});
    CHECK(takes_nothing(receiver));
    SECTION("it is stuck: the client comes when patience ends") {}
    SECTION("it dies with the ACK unread") {
        connection.reset();
    }
    const auto taken = receive(receiver, 5000);
    CHECK(taken);
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: its descriptor is readable while there is a client to take, and only then") {
    const auto receiver = listen();
    CHECK_FALSE(is_readable(snipass_receiver_fd(receiver.get())));
    auto client = make_tcp_pair();
    std::vector<test_fd> connections;
    for (int i = 0; i < 3; ++i) {
        connections.push_back(connect_unix(path));
        send_with(connections.back(), example_header(), std::array{client.near.get()});
        shutdown(connections.back().get(), SHUT_WR);
    }
    for (int i = 0; i < 3; ++i) {
        CHECK(is_readable(snipass_receiver_fd(receiver.get())));
        CHECK(receive(receiver));
    }
    CHECK(takes_nothing(receiver));
    CHECK_FALSE(is_readable(snipass_receiver_fd(receiver.get())));
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: a flood of what is no handoff does not keep a caller that cannot wait") {
    const auto receiver = listen();
    const test_fd edges{epoll_create1(EPOLL_CLOEXEC)};
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    REQUIRE(epoll_ctl(edges.get(), EPOLL_CTL_ADD, snipass_receiver_fd(receiver.get()), &event) == 0);
    std::vector<test_fd> flood;
    for (int i = 0; i < 500; ++i) {
        flood.push_back(connect_unix(path));
        shutdown(flood.back().get(), SHUT_WR);
    }
    CHECK(epoll_wait(edges.get(), &event, 1, 5000) == 1);
    CHECK(takes_nothing(receiver));
    REQUIRE(answer_of(flood.back()) == answer::nothing);
    while (answer_of(flood.back()) == answer::nothing) {
        REQUIRE(epoll_wait(edges.get(), &event, 1, 5000) == 1); // there is more: it is told again
        CHECK(takes_nothing(receiver));
    }
}

TEST_CASE_METHOD(fixture, "libsnipass: a sender that goes on talking after the ACK has let go, too") {
    options.patience_ms = 60'000;
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto connection = connect_unix(path);
    send_with(connection, example_header(), std::array{client.near.get()});
    CHECK(takes_nothing(receiver));
    REQUIRE(send(connection.get(), "??", 2, MSG_NOSIGNAL) == 2);
    CHECK(receive(receiver));
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: a descriptor that is not to be waited for is an error, and no busy wait") {
    const auto receiver = listen();
    const int error = GENERATE(EBADF, EINVAL);
    if (error == EBADF)
        close(snipass_receiver_fd(receiver.get()));
    else
        REQUIRE(dup2(0, snipass_receiver_fd(receiver.get())) >= 0); // is no epoll descriptor
    CHECK_FALSE(receive(receiver, GENERATE(0, -1)));
    CHECK(errno == error);
}

TEST_CASE_METHOD(fixture, "libsnipass: each client goes to one of many threads, once") {
    const auto receiver = listen();
    auto client = make_tcp_pair();
    std::vector<std::vector<std::uint64_t>> taken(4);
    std::vector<std::thread> threads;
    for (auto& mine : taken)
        threads.emplace_back([&mine, &receiver] {
            while (const auto c = receive(receiver, -1)) {
                std::uint64_t counter = 0;
                std::memcpy(&counter, snipass_client_id(c.get()) + 8, sizeof counter);
                mine.push_back(counter);
            }
        });
    constexpr std::uint64_t count = 400;
    for (std::uint64_t i = 0; i < count; ++i) {
        auto header = example_header();
        std::memcpy(header.data() + header.size() - 8, &i, 8);
        const auto connection = connect_unix(path);
        send_with(connection, header, std::array{client.near.get()});
        std::uint8_t ack = 0;
        REQUIRE(recv(connection.get(), &ack, 1, 0) == 1);
    }
    snipass_stop(receiver.get());
    for (auto& thread : threads)
        thread.join();
    std::multiset<std::uint64_t> all;
    for (const auto& mine : taken)
        all.insert(mine.begin(), mine.end());
    CHECK(all.size() == count);
    CHECK(std::set(all.begin(), all.end()).size() == count);
}

TEST_CASE_METHOD(fixture, "libsnipass: a datagram is a client and the bytes that were read from it") {
    options.protocol = SNIPASS_DATAGRAM;
    const auto receiver = listen();
    auto client = make_tcp_pair();
    const auto sender = connect_unix(path, SOCK_DGRAM);
    const auto payload = byte_string(GENERATE(0U, 5U, 70'000U), 0x16);
    REQUIRE(fcntl(client.near.get(), F_SETFL, GENERATE(0, O_NONBLOCK)) == 0);
    const auto before = open_descriptors();
    send_with(sender, payload, std::array{client.near.get()});
    const auto taken = receive(receiver);
    REQUIRE(taken);
    std::size_t size = 1;
    const auto* bytes = snipass_client_consumed(taken.get(), &size);
    CHECK(byte_string(bytes, bytes + size) == payload);
    CHECK(text_of(snipass_client_peer(taken.get(), nullptr)) == address_of(client.far.get(), getsockname));
    CHECK(snipass_client_host_name(taken.get()) == ""s);
    const test_fd released{snipass_client_release(taken.get())};
    CHECK(snipass_client_fd(taken.get()) == -1);
    CHECK((fcntl(released.get(), F_GETFL) & O_NONBLOCK) == 0);
    CHECK(open_descriptors() == before + 1);
}
