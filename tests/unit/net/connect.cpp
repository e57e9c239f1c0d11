// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/connect.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "run_coroutine.hpp"
#include "same_descriptors.hpp"
#include "sockets.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;

namespace {

constexpr auto loopback = "127.0.0.1:0";

struct server {
    explicit server(int backlog = 16) {
        fd = os::unique_fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        sockaddr_storage storage;
        const auto size = os::to_sockaddr(*ip_endpoint::parse(loopback), storage);
        REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0);
        REQUIRE(::listen(fd.get(), backlog) == 0);
        endpoint = os::local_endpoint(fd.get()).value();
    }
    os::unique_fd fd;
    ip_endpoint endpoint;
};

} // namespace

TEST_CASE("begin_connect: over loopback it is connected, or refused, at once") {
    const same_descriptors check;
    server here;
    const auto begun = net::begin_connect(here.endpoint);
    REQUIRE(begun);
    CHECK(begun->connected);
    here.fd.reset();
    const auto refused = net::begin_connect(here.endpoint);
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == os::make_error(ECONNREFUSED));
}

TEST_CASE("begin_connect: what takes longer is waited for, until its deadline") {
    const server full{0};
    std::vector<os::unique_fd> waiting; // in a backlog that nobody empties
    sockaddr_storage storage;
    const auto size = os::to_sockaddr(full.endpoint, storage);
    for (int i = 0; i < 4; ++i) {
        waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        (void)::connect(waiting.back().get(), reinterpret_cast<const sockaddr*>(&storage), size);
    }
    net::event_loop loop;
    const auto late = run(loop, net::connect_tcp(loop, full.endpoint, net::clock::now() + 20ms));
    REQUIRE_FALSE(late);
    CHECK(late.error() == net::wait_error::timed_out);
}

TEST_CASE("begin_connect: from another address than this machine's own choice") {
    const server here;
    const auto source = ip_address::parse("127.0.0.77").value();
    const auto begun = net::begin_connect(here.endpoint, source);
    if (!begun && begun.error() == os::make_error(EPERM))
        return skipped("IP_TRANSPARENT takes CAP_NET_RAW");
    REQUIRE(begun);
    say(begun->fd, "x");
    net::event_loop loop;
    net::fd_watch watch{loop, here.fd.get()};
    CHECK(!run(loop, as_task(watch.readable(net::clock::now() + 10s))));
    const auto client = os::accept_client(here.fd.get());
    REQUIRE(client);
    CHECK(client->client.address == source);
    CHECK(client->client.port != 0);
}

TEST_CASE("begin_connect: a source of the other family is an error") {
    const server here;
    const auto begun = net::begin_connect(here.endpoint, ip_address::parse("2001:db8::1"));
    REQUIRE_FALSE(begun);
    CHECK(begun.error() == os::make_error(EAFNOSUPPORT));
}

TEST_CASE("begin_connect: no connection has a descriptor that is kept for others") {
    const same_descriptors check;
    const server here;
    const int number = net::begin_connect(here.endpoint)->fd.get(); // and free again
    const auto refused = net::begin_connect(here.endpoint, std::nullopt, number);
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == os::make_error(EMFILE));
    CHECK(net::begin_connect(here.endpoint, std::nullopt, number + 1));
}
