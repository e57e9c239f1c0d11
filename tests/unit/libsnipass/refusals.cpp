// SPDX-License-Identifier: BSL-1.0
// libsnipass: what a receiver refuses, and that it keeps nothing of it.
#include "descriptor_limit.hpp"
#include "lost_descriptors.hpp"
#include "receiver_fixture.hpp"

#include <array>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

using namespace handoff_test;

TEST_CASE_METHOD(fixture, "libsnipass: a header may come a byte at a time, and end after any") {
    const auto receiver = listen();
    const auto header = example_header();
    auto client = make_tcp_pair();
    const auto before = open_descriptors();
    for (std::size_t size = 0; size <= header.size(); ++size) {
        auto connection = connect_unix(path);
        for (std::size_t at = 0; at < size; ++at) {
            const std::array fd{client.near.get()};
            send_with(connection, std::span(header).subspan(at, 1), std::span(fd).first(at == 0 ? 1 : 0));
            REQUIRE(takes_nothing(receiver));
        }
        shutdown(connection.get(), SHUT_WR);
        const auto taken = receive(receiver);
        INFO("header ends after byte " << size);
        CHECK((taken != nullptr) == (size == header.size()));
        CHECK(answer_of(connection) == (size == header.size() ? answer::ack : answer::closed));
    }
    CHECK(takes_nothing(receiver));
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(fixture, "libsnipass: what a log has no use for is not told") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const std::string_view names[] = {
        std::string_view{"a\0b", 3},
        "ok.example\nERROR root logged in",
        "\x1b[2J",
        "a b",
        "a\"b",
        "::1",
        "b\xc3\xbc",
    };
    for (const auto name : names) {
        byte_string rest(12);
        append_tlv(rest, 0x02, name);
        append_tlv(rest, 0x05, "short");
        const auto connection = connect_unix(path);
        send_with(connection, header_around(0x21, 0x11, rest), std::array{client.near.get()});
        shutdown(connection.get(), SHUT_WR);
        const auto taken = receive(receiver);
        REQUIRE(taken);
        CHECK(snipass_client_host_name(taken.get()) == ""s);
        CHECK(snipass_client_id(taken.get()) == nullptr);
    }
}

TEST_CASE_METHOD(fixture, "libsnipass: where the header says nothing of a client, its socket does") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    for (const auto& header : {header_around(0x20, 0x00, {}), header_around(0x21, 0x31, byte_string(216))}) {
        const auto connection = connect_unix(path);
        send_with(connection, header, std::array{client.near.get()});
        shutdown(connection.get(), SHUT_WR);
        const auto taken = receive(receiver);
        REQUIRE(taken);
        CHECK(text_of(snipass_client_peer(taken.get(), nullptr)) ==
              address_of(client.near.get(), getpeername));
        CHECK(text_of(snipass_client_local(taken.get(), nullptr)) ==
              address_of(client.near.get(), getsockname));
    }
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: an ACK that cannot be sent leaves the client to the router, untouched") {
    const auto receiver = listen();
    auto client = make_tcp_pair();
    const auto connection = connect_unix(path);
    shutdown(connection.get(), SHUT_RD); // taken back
    send_with(connection, example_header(), std::array{client.near.get()});
    REQUIRE(send(client.far.get(), "hello", 5, 0) == 5);
    CHECK(takes_nothing(receiver));
    char bytes[8];
    CHECK(recv(client.near.get(), bytes, sizeof bytes, MSG_PEEK) == 5);
    CHECK(recv(client.far.get(), bytes, 1, MSG_DONTWAIT) == -1);
}

TEST_CASE_METHOD(fixture, "libsnipass: silent senders delay nobody and are closed when patience ends") {
    options.patience_ms = 50;
    const auto receiver = listen();
    const auto before = open_descriptors();
    auto silent = connect_unix(path);
    auto client = make_tcp_pair();
    {
        const auto connection = connect_unix(path);
        send_with(connection, example_header(), std::array{client.near.get()});
        shutdown(connection.get(), SHUT_WR);
        CHECK(receive(receiver, 5000));
    }
    while (answer_of(silent) == answer::nothing)
        CHECK_FALSE(receive(receiver, 10));
    silent.reset();
    client.near.reset();
    client.far.reset();
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: out of descriptors is an error of the call, and the client is not lost") {
    const auto receiver = listen();
    auto client = make_tcp_pair();
    auto connection = connect_unix(path);
    send_with(connection, example_header(), std::array{client.near.get()});
    const test_fd highest{dup(connection.get())};
    // Room for this many: none, or the connection but not the client that comes with it.
    const auto room = GENERATE(1, 2);
    snipass::testing::descriptor_limit tight{static_cast<rlim_t>(highest.get() + room)};
    const auto taken = receive(receiver);
    const int error = errno;
    tight.lift();
    CHECK_FALSE(taken);
    CHECK(error == EMFILE);
    // Not given back: it waits where it was, as accept(2) leaves a client in the backlog.
    CHECK(answer_of(connection) == answer::nothing);
    shutdown(connection.get(), SHUT_WR);
    CHECK(receive(receiver));
    CHECK(answer_of(connection) == answer::ack);
}

TEST_CASE_METHOD(fixture, "libsnipass: out of descriptors, silent senders make room for clients") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    std::vector<test_fd> silent;
    for (int i = 0; i < 20; ++i)
        silent.push_back(connect_unix(path));
    const auto connection = hand_over(path, client.near.get());
    const test_fd highest{dup(connection.get())};
    const auto room = GENERATE(2, 3, 7);
    snipass::testing::descriptor_limit tight{static_cast<rlim_t>(highest.get() + 1 + room)};
    const auto taken = receive(receiver);
    tight.lift();
    CHECK(taken);
    CHECK(answer_of(silent.front()) == answer::closed);
    CHECK(answer_of(silent.back()) == (room == 2 ? answer::closed : answer::nothing)); // the youngest last
}

TEST_CASE_METHOD(fixture, "libsnipass: a socket that no longer listens is an error, and no endless search") {
    options.protocol = GENERATE(SNIPASS_STREAM, SNIPASS_DATAGRAM);
    const auto how = GENERATE(int{SHUT_RD}, int{SHUT_RDWR});
    const auto receiver = listen();
    int copy = -1; // the receiver's own
    for (int fd = 3; fd < 1024 && copy < 0; ++fd) {
        sockaddr_un address{};
        socklen_t size = sizeof address;
        if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
            address.sun_family == AF_UNIX && path == address.sun_path)
            copy = fd;
    }
    REQUIRE(copy >= 0);
    REQUIRE(shutdown(copy, how) == 0);
    CHECK_FALSE(receive(receiver, -1));
    CHECK(errno == EINVAL);
}

TEST_CASE_METHOD(fixture, "libsnipass: out of descriptors when a header comes, the client waits with it") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto connection = connect_unix(path);
    CHECK(takes_nothing(receiver)); // accepted, and silent
    send_with(connection, example_header(), std::array{client.near.get()});
    shutdown(connection.get(), SHUT_WR);
    snipass::testing::descriptor_limit tight{0};
    const auto none = receive(receiver);
    const int error = errno;
    tight.lift();
    CHECK_FALSE(none);
    CHECK(error == EMFILE);
    CHECK(receive(receiver));
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: out of descriptors, a datagram stays in the queue, and a lie does not") {
    options.protocol = SNIPASS_DATAGRAM;
    const auto receiver = listen();
    auto client = make_tcp_pair();
    const auto sender = connect_unix(path, SOCK_DGRAM);
    send_with(sender, byte_string(5), {}); // a lie: it carries none
    send_with(sender, byte_string(7, 0x16), std::array{client.near.get()});
    snipass::testing::descriptor_limit tight{0};
    const auto none = receive(receiver);
    const int error = errno;
    const auto again = receive(receiver);
    const int error_again = errno;
    tight.lift();
    CHECK_FALSE(none);
    CHECK(error == EMFILE);
    CHECK_FALSE(again);
    CHECK(error_again == EMFILE);
    const auto taken = receive(receiver);
    REQUIRE(taken);
    std::size_t size = 0;
    (void)snipass_client_consumed(taken.get(), &size);
    CHECK(size == 7);
    CHECK(takes_nothing(receiver));
}

TEST_CASE_METHOD(fixture, "libsnipass: a descriptor that is lost although there is room is a refusal") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto connection = connect_unix(path);
    send_with(connection, example_header(), std::array{client.near.get()});
    const snipass::testing::losing_descriptors refused;
    CHECK(takes_nothing(receiver)); // and not EMFILE, for which a server would pause
    CHECK(answer_of(connection) == answer::closed);
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: a datagram whose descriptor never comes does not keep those behind it") {
    options.protocol = SNIPASS_DATAGRAM;
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto sender = connect_unix(path, SOCK_DGRAM);
    send_with(sender, byte_string(5), std::array{client.near.get()});
    {
        const snipass::testing::losing_descriptors refused;
        CHECK(takes_nothing(receiver));
    }
    send_with(sender, byte_string(7, 0x16), std::array{client.near.get()});
    const auto taken = receive(receiver);
    REQUIRE(taken);
    std::size_t size = 0;
    (void)snipass_client_consumed(taken.get(), &size);
    CHECK(size == 7);
}

TEST_CASE_METHOD(fixture, "libsnipass: a datagram without exactly one client is dropped") {
    options.protocol = SNIPASS_DATAGRAM;
    const auto receiver = listen();
    auto client = make_tcp_pair();
    const auto sender = connect_unix(path, SOCK_DGRAM);
    const auto before = open_descriptors();
    send_with(sender, byte_string(5), {});
    send_with(sender, byte_string(5), std::array{client.near.get(), client.near.get()});
    send_with(sender, byte_string(5), std::array{sender.get()});
    CHECK(takes_nothing(receiver));
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(fixture, "libsnipass: descriptors that the kernel adds to a message are closed") {
    options.protocol = GENERATE(SNIPASS_STREAM, SNIPASS_DATAGRAM);
    const bool is_stream = options.protocol == SNIPASS_STREAM;
    const auto address = unix_address(path);
    const int type = is_stream ? SOCK_STREAM : SOCK_DGRAM;
    const int passed = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    const int on = 1;
    REQUIRE(bind(passed, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE((!is_stream || ::listen(passed, 10) == 0));
    const receiver_ptr receiver{snipass_adopt(passed, &options), snipass_receiver_free};
    REQUIRE(receiver);
    if (setsockopt(passed, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) != 0)
        return skipped("Linux before 6.5 has no SO_PASSPIDFD");
    const auto client = make_tcp_pair();
    const auto before = open_descriptors();
    for (int i = 0; i < 3; ++i) {
        const auto connection = connect_unix(path, type);
        send_with(connection, is_stream ? example_header() : byte_string(5), std::array{client.near.get()});
        shutdown(connection.get(), SHUT_WR);
        CHECK(receive(receiver));
        const auto lie = connect_unix(path, type);
        send_with(lie, example_header(), std::vector<int>(8, client.near.get()));
        CHECK(takes_nothing(receiver));
    }
    CHECK(open_descriptors() == before);
}
