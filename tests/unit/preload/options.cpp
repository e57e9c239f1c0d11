// SPDX-License-Identifier: BSL-1.0
// What a server has set on its TCP listener, its clients have.
#include "catch.hpp"
#include "handoff_sender.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>

extern "C" {
#include "../../../src/preload/options.h"
}

using namespace handoff_test;

namespace {

int read_option(int fd, int level, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
}

test_fd tcp() {
    return test_fd{socket(AF_INET, SOCK_STREAM, 0)};
}

void set(int fd, int level, int option, int value) {
    REQUIRE(setsockopt(fd, level, option, &value, sizeof value) == 0);
}

} // namespace

TEST_CASE("preload options: what differs from the default before bind() goes to clients") {
    static const entry of{}; // its address is all that counts
    const auto listener = tcp(), client = tcp(), usual = tcp();
    set(listener.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    set(listener.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    set(listener.get(), SOL_SOCKET, SO_RCVBUF, 20'000);
    set(listener.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    options_collect(listener.get(), &of, AF_INET);
    options_give(&of, AF_INET, client.get());
    CHECK(read_option(client.get(), SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(read_option(client.get(), IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(read_option(client.get(), SOL_SOCKET, SO_RCVBUF) == 40'000); // socket(7) doubles it, once
    CHECK(read_option(client.get(), SOL_SOCKET, SO_REUSEADDR) == 0);   // the listener's own
    CHECK(read_option(client.get(), SOL_SOCKET, SO_SNDBUF) ==
          read_option(usual.get(), SOL_SOCKET, SO_SNDBUF));
}

TEST_CASE("preload options: each entry and family has its own, and a new listener begins anew") {
    static const entry one{}, two{}; // known by their addresses
    const auto set_listener = tcp(), plain = tcp();
    set(set_listener.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    options_collect(set_listener.get(), &one, AF_INET);
    const auto keepalive_of = [](const entry& of, sa_family_t family) {
        const auto client = tcp();
        options_give(&of, family, client.get());
        return read_option(client.get(), SOL_SOCKET, SO_KEEPALIVE);
    };
    CHECK(keepalive_of(one, AF_INET) == 1);
    CHECK(keepalive_of(one, AF_INET6) == 0);
    CHECK(keepalive_of(two, AF_INET) == 0);
    options_collect(plain.get(), &one, AF_INET);
    CHECK(keepalive_of(one, AF_INET) == 0);
}

TEST_CASE("preload options: after bind() they answer as TCP's") {
    static const entry of{};
    const int on = 1;
    int value = 0;
    socklen_t size = sizeof value;
    CHECK(options_set(&of, AF_INET, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof on) == 0);
    CHECK(options_get(&of, AF_INET, IPPROTO_TCP, TCP_DEFER_ACCEPT, &value, &size) == 0);
    CHECK(value != 0);
    CHECK(options_set(&of, AF_INET, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == -1);
    CHECK(options_set(&of, AF_INET, SOL_SOCKET, SO_KEEPALIVE, &on, 1) == -1);
    CHECK(errno == EINVAL);
}
