// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/client_options.hpp"

#include "catch.hpp"
#include "same_descriptors.hpp"
#include "tcp_client.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>

using namespace snipass;
using namespace snipass::testing;

namespace {

struct row {
    const char* what;
    int level;
    int name;
    int odd; // what a backend leaves behind
};

constexpr row rows[] = {
    {"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 1'000},
    {"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 0},
    {"SO_PEEK_OFF", SOL_SOCKET, SO_PEEK_OFF, 0},
    {"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, 1},
    {"SO_MAX_PACING_RATE", SOL_SOCKET, SO_MAX_PACING_RATE, 1},
    {"SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY, 1},
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 0},
    {"TCP_CORK", IPPROTO_TCP, TCP_CORK, 1},
    {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 1},
    {"TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, 1},
    {"TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1},
    {"TCP_TX_DELAY", IPPROTO_TCP, 37, 1'000'000},
    {"IP_TTL", IPPROTO_IP, IP_TTL, 1},
    {"IP_MINTTL", IPPROTO_IP, IP_MINTTL, 255},
    {"IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO},
    {"IP_RECVERR", IPPROTO_IP, IP_RECVERR, 1},
};

int value_of(int fd, const row& one) {
    int value = -2;
    socklen_t size = sizeof value;
    (void)::getsockopt(fd, one.level, one.name, &value, &size);
    return value;
}

template <class Value>
Value read(int fd, int name) {
    Value value;
    socklen_t size = sizeof value;
    REQUIRE(::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0);
    return value;
}

template <class Value>
void write(int fd, int name, const Value& value) {
    REQUIRE(::setsockopt(fd, SOL_SOCKET, name, &value, sizeof value) == 0);
}

struct fixture {
    same_descriptors check;
    tcp_connection client;
    int fd = client.accepted.get();

    fixture() {
        const int on = 1; // as the router's listener gives it
        REQUIRE(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
        REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on) == 0);
    }
};

} // namespace

TEST_CASE_METHOD(fixture, "restore_client: each option is as it was before a backend changed it") {
    for (const auto& one : rows) {
        INFO(one.what);
        const int before = value_of(fd, one);
        if (::setsockopt(fd, one.level, one.name, &one.odd, sizeof one.odd) != 0)
            continue; // this kernel has no such option
        CHECK(value_of(fd, one) != before);
        os::restore_client(fd);
        CHECK(value_of(fd, one) == before);
    }
}

TEST_CASE_METHOD(fixture, "restore_client: no close waits, no call times out") {
    write(fd, SO_LINGER, linger{1, 60});
    write(fd, SO_RCVTIMEO, timeval{1, 0});
    write(fd, SO_SNDTIMEO, timeval{1, 0});
    os::restore_client(fd);
    CHECK(read<linger>(fd, SO_LINGER).l_onoff == 0);
    CHECK(read<timeval>(fd, SO_RCVTIMEO).tv_sec == 0);
    CHECK(read<timeval>(fd, SO_SNDTIMEO).tv_sec == 0);
}

TEST_CASE_METHOD(fixture, "restore_client: a filter that lets nothing through is gone") {
    sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    write(fd, SO_ATTACH_FILTER, sock_fprog{1, nothing});
    os::restore_client(fd);
    client.client.send(std::array<std::uint8_t, 1>{1});
    CHECK(is_readable(fd));
}

TEST_CASE_METHOD(fixture, "restore_client, make_as_accepted: the client blocks") {
    const auto prepare = GENERATE(&os::restore_client, &os::make_as_accepted);
    REQUIRE(::fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) == 0);
    prepare(fd);
    CHECK((::fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ASYNC)) == 0);
}

TEST_CASE_METHOD(fixture, "make_as_accepted: a client is as accept4 would have made it") {
    for (const auto& one : {rows[0], rows[1], rows[6]})
        REQUIRE(::setsockopt(fd, one.level, one.name, &one.odd, sizeof one.odd) == 0);
    write(fd, SO_LINGER, linger{1, 60});
    os::make_as_accepted(fd);
    CHECK(option_of(fd, IPPROTO_TCP, TCP_NODELAY) != 0);
    CHECK(option_of(fd, SOL_SOCKET, SO_OOBINLINE) == 1);
    CHECK(option_of(fd, SOL_SOCKET, SO_RCVLOWAT) == 1);
    CHECK(read<linger>(fd, SO_LINGER).l_onoff == 0);
}
