// SPDX-License-Identifier: BSL-1.0
#include "snipass/backends/unanswered.hpp"

#include "catch.hpp"
#include "snipass/backends/address_book.hpp"
#include "snipass/backends/configuration_snapshot.hpp"
#include "snipass/os/limits.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>

using namespace snipass;

namespace {

std::array<os::unique_fd, 2> datagram_pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
    return {os::unique_fd{ends[0]}, os::unique_fd{ends[1]}};
}

} // namespace

TEST_CASE("unanswered: there is room for so many, while they exist") {
    server::unanswered all;
    all.allow(2, 1);
    const server::unanswered::one first{all};
    {
        CHECK(all.has_room());
        const server::unanswered::one second{all};
        CHECK_FALSE(all.has_room());
        CHECK(all.size() == 2);
    }
    CHECK(all.has_room());
}

TEST_CASE("unanswered: one of few that were looked at stands for the others") {
    server::unanswered all;
    all.allow(64, 1);
    {
        const server::unanswered::one found{all, 64};
        CHECK_FALSE(all.has_room());
    }
    CHECK(all.size() == 0);
}

TEST_CASE("unanswered: each channel has an equal part, and one at least") {
    server::unanswered all;
    all.allow(9, 4);
    CHECK(all.part_of_a_channel() == 2);
    all.allow(1, 4);
    CHECK(all.part_of_a_channel() == 1);
}

TEST_CASE("unanswered: datagrams that were left behind count until they are read, or their reader is gone") {
    server::unanswered all;
    all.allow(3, 1);
    auto [ours, theirs] = datagram_pair();
    const int reader = theirs.get();
    REQUIRE(::send(ours.get(), "x", 1, 0) == 1);
    all.leave_behind(std::move(ours), 3);
    CHECK_FALSE(all.has_room());
    SECTION("read") {
        char byte = 0;
        REQUIRE(::recv(reader, &byte, 1, 0) == 1);
    }
    SECTION("gone") {
        theirs.reset();
    }
    CHECK(all.has_room());
    CHECK(all.size() == 0);
}

TEST_CASE("unanswered: of a queue that was read nothing is left behind") {
    server::unanswered all;
    auto [ours, theirs] = datagram_pair();
    all.leave_behind(std::move(ours), 3);
    CHECK(all.size() == 0);
}

TEST_CASE("unanswered: by default the backends have a quarter of the descriptor limit together") {
    const auto file = std::make_shared<config::configuration>();
    file->backends.resize(3);
    for (const char* name : {"a", "b"}) {
        auto& one = file->backends[name[0] == 'a' ? 0 : 1];
        one.name = name;
        one.kind = config::handoff_settings{.paths = {"/x"}};
    }
    file->backends[2].name = "far";
    file->backends[2].kind = config::relay_settings{};
    server::address_book book;
    const server::configuration_snapshot snapshot{file, 1, book};
    const auto mine = std::clamp<std::size_t>(os::descriptor_limit() / 8, 16, 1'024);
    CHECK(snapshot.backends[0]->known()->sent.part_of_a_channel() == mine);
    CHECK(book.least_answering().second == 0);
    const server::unanswered::one sent{snapshot.backends[1]->known()->sent};
    CHECK(book.least_answering() == std::pair{std::string{"b"}, std::size_t{1}});
}
