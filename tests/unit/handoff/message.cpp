// SPDX-License-Identifier: BSL-1.0
// What comes over a unix socket, before anything is judged.
extern "C" {
#include "../../../src/handoff/message.h"
}

#include "catch.hpp"
#include "descriptor_limit.hpp"
#include "handoff_sender.hpp"
#include "lost_descriptors.hpp"
#include "same_descriptors.hpp"
#include "snipass/handoff/datagram.h"
#include "tcp_client.hpp"

#include <fcntl.h>

#include <array>
#include <memory>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

using namespace snipass;
using namespace snipass::testing;
using handoff_test::send_with;
using handoff_test::test_fd;

namespace {

struct unix_pair {
    explicit unix_pair(int type) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) == 0);
        near = std::make_unique<test_fd>(ends[0]);
        far = std::make_unique<test_fd>(ends[1]);
        const int on = 1;
        REQUIRE(::setsockopt(near->get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    }

    std::unique_ptr<test_fd> near; // receives
    std::unique_ptr<test_fd> far;
};

// received closes what came when the test is done with it.
struct received : message {
    received(const unix_pair& sockets, std::size_t room, int how = 0) {
        REQUIRE(room <= bytes.size());
        message_receive(&handoff_libc, sockets.near->get(), bytes.data(), room, how, this);
    }
    ~received() { message_close(&handoff_libc, this); }
    received(const received&) = delete;
    received& operator=(const received&) = delete;

    std::array<std::uint8_t, 100> bytes{};
};

const handoff_test::byte_string text{'h', 'e', 'l', 'l', 'o'};

} // namespace

TEST_CASE("message: bytes, the descriptor, and who sent them") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    const tcp_connection client;
    REQUIRE(send_with(*sockets.far, text, std::array{client.accepted.get()}) == 5);
    for (const auto flags : std::array<int, 2>{MSG_PEEK, 0}) { // a look leaves it where it is
        const received got{sockets, 100, flags};
        CHECK(got.size == 5);
        REQUIRE(got.count == 1);
        CHECK(got.sender.uid == ::geteuid());
        CHECK((got.flags & (MSG_CTRUNC | MSG_TRUNC)) == 0);
        CHECK((::fcntl(got.descriptors[0], F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(option_of(got.descriptors[0], SOL_SOCKET, SO_DOMAIN) == AF_INET);
    }
    CHECK(received{sockets, 100}.size == -1);
}

TEST_CASE("message: as many descriptors as one may carry are owned") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_STREAM};
    const tcp_connection client;
    const auto count = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{handoff_descriptors_max});
    const std::vector<int> many(count, client.accepted.get());
    REQUIRE(send_with(*sockets.far, text, many) == 5);
    const received got{sockets, 100};
    CHECK(got.count == count);
    CHECK((got.flags & MSG_CTRUNC) == 0);
}

TEST_CASE("message: a descriptor that the kernel adds is none of the sender's, and is closed") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    const tcp_connection client;
    const int on = 1;
    if (::setsockopt(sockets.near->get(), SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) != 0)
        return skipped("Linux before 6.5 has no SO_PASSPIDFD");
    REQUIRE(send_with(*sockets.far, text, std::array{client.accepted.get()}) == 5);
    for (const auto flags : std::array<int, 2>{MSG_PEEK, 0}) {
        const received got{sockets, 100, flags};
        REQUIRE(got.count == 1);
        CHECK(got.sender.uid == ::geteuid());
        CHECK(option_of(got.descriptors[0], SOL_SOCKET, SO_DOMAIN) == AF_INET);
    }
}

TEST_CASE("message: what does not fit is cut, and said to be") {
    const unix_pair sockets{SOCK_DGRAM};
    REQUIRE(send_with(*sockets.far, text, {}) == 5);
    CHECK((received{sockets, 4}.flags & MSG_TRUNC) != 0);
}

TEST_CASE("message: a process that may not have more descriptors is told, and a look loses nobody") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    const tcp_connection client;
    REQUIRE(send_with(*sockets.far, text, std::array{client.accepted.get()}) == 5);
    const test_fd next{::dup(0)};
    descriptor_limit none{static_cast<rlim_t>(next.get())};
    const received full{sockets, 100, MSG_PEEK};
    none.lift();
    CHECK(message_lost(&full));
    CHECK(received{sockets, 100}.count == 1);
}

TEST_CASE("message: an empty datagram has a sender; behind a shutdown nobody can send") {
    const unix_pair sockets{SOCK_DGRAM};
    REQUIRE(send_with(*sockets.far, {}, {}) == 0);
    CHECK(received{sockets, 4}.sender.uid == ::geteuid());
    REQUIRE(::shutdown(sockets.near->get(), SHUT_RD) == 0);
    CHECK(received{sockets, 4}.size == -1);
    CHECK(send_with(*sockets.far, text, {}) < 0); // and the sender knows
}

TEST_CASE("handoff_take_out: a datagram and its descriptor go") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    tcp_connection client;
    REQUIRE(send_with(*sockets.far, text, std::array{client.accepted.get()}) == 5);
    client.accepted.reset();
    handoff_take_out(sockets.near->get());
    CHECK(client.client.read_to_end() == ending::fin);
}
