// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/fd_receiving.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "descriptor_limit.hpp"
#include "handoff_sender.hpp"
#include "lost_descriptors.hpp"
#include "same_descriptors.hpp"
#include "snipass/os/error.hpp"
#include "tcp_client.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

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

const handoff_test::byte_string text{'h', 'e', 'l', 'l', 'o'};

} // namespace

TEST_CASE("receive_fd: bytes, the descriptor, and who sent them") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    const tcp_connection client;
    REQUIRE(send_with(*sockets.far, text, std::array{client.accepted.get()}) == 5);
    std::array<std::uint8_t, 100> room{};
    for (const auto flags : std::array<int, 2>{MSG_PEEK, 0}) { // a look leaves it where it is
        const auto got = os::receive_fd(sockets.near->get(), room, flags);
        REQUIRE(got);
        CHECK(got->size == 5);
        CHECK(got->fd_count == 1);
        CHECK(got->sender == ::geteuid());
        CHECK_FALSE(got->cut);
        CHECK((::fcntl(got->fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(option_of(got->fd.get(), SOL_SOCKET, SO_DOMAIN) == AF_INET);
    }
    CHECK(os::receive_fd(sockets.near->get(), room).error() == os::make_error(EAGAIN));
}

TEST_CASE("receive_fd: a datagram that was sent before anybody asked has no sender, whoever 65534 is") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    const int off = 0, on = 1;
    std::array<std::uint8_t, 100> room{};
    REQUIRE(::setsockopt(sockets.near->get(), SOL_SOCKET, SO_PASSCRED, &off, sizeof off) == 0);
    REQUIRE(send_with(*sockets.far, text, {}) == 5);
    REQUIRE(::setsockopt(sockets.near->get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    const auto got = os::receive_fd(sockets.near->get(), room);
    REQUIRE(got);
    CHECK_FALSE(got->sender);
}

TEST_CASE("receive_fd: every descriptor is owned, and all but one closed") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_STREAM};
    const tcp_connection client;
    const int fd = client.accepted.get();
    std::array<std::uint8_t, 100> room{};
    REQUIRE(send_with(*sockets.far, text, std::array{fd, fd, fd}) == 5);
    const auto got = os::receive_fd(sockets.near->get(), room);
    REQUIRE(got);
    CHECK(got->fd_count == 3);
}

TEST_CASE("receive_fd: a descriptor that the kernel adds is none of the sender's, and is closed") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    const tcp_connection client;
    const int on = 1;
    if (::setsockopt(sockets.near->get(), SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) != 0)
        return; // Linux before 6.5
    REQUIRE(send_with(*sockets.far, text, std::array{client.accepted.get()}) == 5);
    std::array<std::uint8_t, 100> room{};
    for (const auto flags : std::array<int, 2>{MSG_PEEK, 0}) {
        const auto got = os::receive_fd(sockets.near->get(), room, flags);
        REQUIRE(got);
        CHECK(got->fd_count == 1);
        CHECK(got->sender == ::geteuid());
        CHECK(option_of(got->fd.get(), SOL_SOCKET, SO_DOMAIN) == AF_INET);
    }
}

TEST_CASE("receive_fd: what does not fit is cut, and said to be") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    std::array<std::uint8_t, 4> room{};
    REQUIRE(send_with(*sockets.far, text, {}) == 5);
    CHECK(os::receive_fd(sockets.near->get(), room)->cut);
}

TEST_CASE("receive_fd: a process that may not have more descriptors is told, and a look loses nobody") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    const tcp_connection client;
    REQUIRE(send_with(*sockets.far, text, std::array{client.accepted.get()}) == 5);
    std::array<std::uint8_t, 100> room{};
    const test_fd next{::dup(0)};
    descriptor_limit none{static_cast<rlim_t>(next.get())};
    const auto full = os::receive_fd(sockets.near->get(), room, MSG_PEEK);
    none.lift();
    REQUIRE(full);
    CHECK(full->no_room);
    CHECK(os::receive_fd(sockets.near->get(), room)->fd_count == 1);
}

TEST_CASE("peek_fd: what is lost although there is room is no want of room") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    const tcp_connection client;
    REQUIRE(send_with(*sockets.far, text, std::array{client.accepted.get()}) == 5);
    std::array<std::uint8_t, 100> room{};
    {
        const losing_descriptors refused;
        const auto got = os::peek_fd(sockets.near->get(), room);
        REQUIRE(got);
        CHECK(got->cut);
        CHECK(got->fd_count == 0);
        CHECK_FALSE(got->no_room);
    }
    CHECK(os::peek_fd(sockets.near->get(), room)->fd_count == 1);
}

TEST_CASE("receive_fd: an empty datagram has a sender; behind a shutdown nobody can send") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    std::array<std::uint8_t, 4> room{};
    REQUIRE(send_with(*sockets.far, {}, {}) == 0);
    CHECK(os::receive_fd(sockets.near->get(), room)->sender);
    REQUIRE(::shutdown(sockets.near->get(), SHUT_RD) == 0);
    CHECK(os::receive_fd(sockets.near->get(), room).error() == os::make_error(EAGAIN));
    CHECK(send_with(*sockets.far, text, {}) < 0); // and the sender knows
}

TEST_CASE("drop_message: a datagram and its descriptor go") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_DGRAM};
    tcp_connection client;
    REQUIRE(send_with(*sockets.far, text, std::array{client.accepted.get()}) == 5);
    client.accepted.reset();
    os::drop_message(sockets.near->get());
    CHECK(client.client.read_to_end() == ending::fin);
}

TEST_CASE("prepare_passed: a client is as accept4 would have made it") {
    const same_descriptors check;
    const tcp_connection client;
    const int fd = client.accepted.get();
    const int off = 0;
    const int many = 1'000;
    REQUIRE(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    REQUIRE(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &off, sizeof off) == 0);
    REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &many, sizeof many) == 0);
    const linger long_time{1, 60};
    REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &long_time, sizeof long_time) == 0);
    CHECK_FALSE(os::prepare_passed(fd));
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
    CHECK(option_of(fd, IPPROTO_TCP, TCP_NODELAY) != 0);
    CHECK(option_of(fd, SOL_SOCKET, SO_RCVLOWAT) == 1);
    linger now{1, 1};
    socklen_t size = sizeof now;
    REQUIRE(::getsockopt(fd, SOL_SOCKET, SO_LINGER, &now, &size) == 0);
    CHECK(now.l_onoff == 0);
}

TEST_CASE("prepare_passed: what is no TCP connection is refused") {
    const same_descriptors check;
    std::array<int, 2> pipe{};
    REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    const test_fd read_end{pipe[0]};
    const test_fd write_end{pipe[1]};
    const test_fd udp{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const test_fd local{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto listener = plain_listener();
    for (const int fd : {read_end.get(), udp.get(), local.get(), listener.get()})
        CHECK(os::prepare_passed(fd) == os::make_error(EPROTOTYPE));
}

TEST_CASE("peer_user: who connected") {
    const same_descriptors check;
    const unix_pair sockets{SOCK_STREAM};
    CHECK(os::peer_user(sockets.near->get()).value() == ::geteuid());
}
