// SPDX-License-Identifier: BSL-1.0
// A pair for each who is offered a client.
#include "snipass/delivery/clear_pair.hpp"

#include "catch.hpp"
#include "same_descriptors.hpp"
#include "snipass/handoff/pair_name.h"
#include "snipass/os/tcp.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <string>

using namespace snipass;
using namespace snipass::testing;

namespace {

constexpr std::uint64_t somebody = 1;

server::record client() {
    server::record about;
    about.client = *ip_endpoint::parse("192.0.2.7:50000");
    about.local = *ip_endpoint::parse("198.51.100.1:443");
    return about;
}

// name_of is what the kernel says of the other end.
std::string name_of(int far, sockaddr_storage& peer) {
    sockaddr_un name{};
    socklen_t size = sizeof name;
    sockaddr_storage local{};
    REQUIRE(::getpeername(far, reinterpret_cast<sockaddr*>(&name), &size) == 0);
    if (!handoff_read_pair_name(&name, size, &peer, &local))
        return {};
    return {name.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1};
}

std::string hear(int fd) {
    char byte = 0;
    const auto n = ::recv(fd, &byte, 1, MSG_DONTWAIT);
    return n < 0 ? "nothing" : std::string(&byte, static_cast<std::size_t>(n));
}

} // namespace

TEST_CASE("clear pair: what was offered before leads nowhere") {
    const same_descriptors check;
    const os::unique_fd own;
    server::clear_pair pair{own};
    auto first = pair.renew(client(), somebody).value();
    CHECK(hear(first.get()) == "nothing");
    auto second = pair.renew(client(), somebody).value();
    CHECK(hear(first.get()).empty());
    CHECK(::send(first.get(), "x", 1, MSG_NOSIGNAL) < 0);
    const auto near = pair.take();
    CHECK(near.party == somebody);
    CHECK(::send(second.get(), "y", 1, MSG_NOSIGNAL) == 1);
    CHECK(hear(near.fd.get()) == "y");
}

TEST_CASE("clear pair: its name says who the client is, and nobody knows it beforehand") {
    const os::unique_fd own;
    server::clear_pair pair{own};
    sockaddr_storage peer{};
    const auto first = name_of(pair.renew(client(), somebody).value().get(), peer);
    CHECK(os::to_endpoint(peer)->to_string() == "192.0.2.7:50000");
    const auto second = name_of(pair.renew(client(), somebody).value().get(), peer);
    constexpr std::size_t random_digits = 2UL * handoff_pair_random_size;
    REQUIRE(first.size() == second.size());
    CHECK(first.substr(0, first.size() - random_digits) == second.substr(0, second.size() - random_digits));
    CHECK(first.substr(first.size() - random_digits) != second.substr(second.size() - random_digits));
    CHECK(name_of(pair.renew(client(), 0).value().get(), peer).empty()); // of an end that stays here
}
