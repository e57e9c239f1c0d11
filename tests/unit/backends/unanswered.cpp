// SPDX-License-Identifier: BSL-1.0
#include "snipass/backends/unanswered.hpp"

#include "catch.hpp"
#include "snipass/backends/address_book.hpp"
#include "snipass/backends/configuration_snapshot.hpp"
#include "snipass/os/limits.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace snipass;

namespace {

const auto somebody = *ip_address::parse("192.0.2.1");

std::array<os::unique_fd, 2> datagram_pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
    return {os::unique_fd{ends[0]}, os::unique_fd{ends[1]}};
}

} // namespace

TEST_CASE("unanswered: there is room for so many, while they exist") {
    server::unanswered all;
    all.allow(2, 1);
    const server::unanswered::one first{all, somebody};
    {
        CHECK(all.has_room());
        const server::unanswered::one second{all, somebody};
        CHECK_FALSE(all.has_room());
        CHECK(all.size() == 2);
    }
    CHECK(all.has_room());
}

TEST_CASE(
    "unanswered: a source has an eighth for whoever comes, an eighth of what is left, and one at least") {
    struct row {
        const char* behaviour;
        std::size_t most;
        std::vector<std::pair<const char*, std::size_t>> sent; // by each source, until it may not
        std::optional<server::outcome> next;                   // for one of yet another source
    };
    const auto row = GENERATE(from_range(std::vector<struct row>{
        {"the first eighth and an eighth of the rest", 64, {{"192.0.2.1", 14}}, {}},
        {"then an eighth of what is left", 64, {{"192.0.2.1", 14}, {"192.0.2.2", 5}, {"192.0.2.3", 5}}, {}},
        {"of few the first has three", 16, {{"192.0.2.1", 3}}, {}},
        {"and each other one",
         16,
         {{"192.0.2.1", 3}, {"192.0.2.2", 1}, {"192.0.2.3", 1}, {"192.0.2.4", 1}},
         {}},
        {"a /64 is one source", 16, {{"2001:db8::1", 3}, {"2001:db8::2", 0}}, {}},
        {"a /56 is one, too, and has the share of four",
         64,
         {{"2001:db8::1", 14},
          {"2001:db8:0:1::1", 5},
          {"2001:db8:0:2::1", 5},
          {"2001:db8:0:3::1", 1},
          {"2001:db8:0:4::1", 0}},
         {}},
        {"the only one", 1, {{"192.0.2.1", 1}}, server::outcome::backend_overdue},
    }));
    CAPTURE(row.behaviour);
    server::unanswered all;
    all.allow(row.most, 1);
    std::list<server::unanswered::one> sent;
    for (const auto& [text, expected] : row.sent) {
        const auto source = *ip_address::parse(text);
        std::size_t count = 0;
        for (; !all.why_not(source); ++count)
            sent.emplace_back(all, source);
        CHECK(count == expected);
        CHECK(all.why_not(source) == (all.size() < row.most ? server::outcome::backend_overdue_source
                                                            : server::outcome::backend_overdue));
    }
    CHECK(all.why_not(*ip_address::parse("203.0.113.1")) == row.next);
    sent.clear();
    CHECK(all.size() == 0);
    CHECK_FALSE(all.why_not(*ip_address::parse(row.sent.front().first)));
}

TEST_CASE("unanswered: whoever fills it, many others have a place") {
    struct row {
        std::size_t most;
        std::size_t sources; // that are needed to take all of it
    };
    const auto row = GENERATE(from_range(std::vector<struct row>{{16, 14}, {64, 27}, {1'024, 50}}));
    CAPTURE(row.most);
    server::unanswered all;
    all.allow(row.most, 1);
    std::list<server::unanswered::one> sent;
    std::size_t sources = 0;
    for (; all.size() < row.most; ++sources) {
        const auto source = *ip_address::parse("198.51.100." + std::to_string(sources));
        while (!all.why_not(source))
            sent.emplace_back(all, source);
    }
    CHECK(sources >= row.sources);
    // The place that comes free is for somebody who has none.
    sent.pop_front();
    CHECK(all.why_not(*ip_address::parse("198.51.100.1")) == server::outcome::backend_overdue_source);
    CHECK_FALSE(all.why_not(somebody));
}

TEST_CASE("unanswered: one of few that were looked at stands for the others") {
    server::unanswered all;
    all.allow(64, 1);
    {
        const server::unanswered::one found{all, somebody, 64};
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
    server::pending_room room;
    const server::configuration_snapshot snapshot{file, 1, book, room};
    const auto mine = std::clamp<std::size_t>(os::descriptor_limit() / 8, 16, 1'024);
    CHECK(snapshot.backends[0]->known()->sent.part_of_a_channel() == mine);
    CHECK(book.least_answering().second == 0);
    const server::unanswered::one sent{snapshot.backends[1]->known()->sent, somebody};
    CHECK(book.least_answering() == std::pair{std::string{"b"}, std::size_t{1}});
}
