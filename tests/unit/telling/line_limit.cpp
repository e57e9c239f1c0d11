// SPDX-License-Identifier: BSL-1.0
#include "snipass/telling/line_limit.hpp"

#include "catch.hpp"
#include "run_coroutine.hpp"

#include <cstdio>
#include <map>
#include <optional>
#include <string>

using namespace snipass;
using namespace snipass::testing;

namespace {

struct fixture {
    net::event_loop loop;
    std::map<std::string, std::size_t> told;
    server::line_limit limit{loop, 2, [this](const std::optional<ip_prefix>& source, std::size_t left_out) {
                                 told[source ? source->to_string() : "many"] += left_out;
                             }};

    // How many of so many lines may be written.
    int written(const std::string& client, int lines) {
        int count = 0;
        for (int i = 0; i < lines; ++i)
            count += limit.may_write(*ip_address::parse(client)) ? 1 : 0;
        return count;
    }
};

} // namespace

TEST_CASE("line_limit: each source has its own lines, and an IPv6 source is a /64") {
    fixture test;
    CHECK(test.written("192.0.2.1", 5) == 2);
    CHECK(test.written("192.0.2.2", 2) == 2);
    CHECK(test.written("2001:db8::1", 1) == 1);
    CHECK(test.written("2001:db8::2", 2) == 1);
    test.limit.tell_now();
    CHECK(test.told == std::map<std::string, std::size_t>{{"192.0.2.1/32", 3}, {"2001:db8::/64", 1}});
}

TEST_CASE("line_limit: after a second there are lines again, and what was left out is told by itself") {
    fixture test;
    CHECK(test.written("192.0.2.1", 3) == 2);
    const auto end = net::clock::now() + patience;
    while (test.told.empty() && net::clock::now() < end)
        (void)test.loop.take_turn(end);
    CHECK(test.told["192.0.2.1/32"] == 1);
    CHECK(test.written("192.0.2.1", 1) == 1);
}

TEST_CASE(
    "line_limit: a /56 has the lines of four sources, a /48 of sixteen, and neither takes more places") {
    struct row {
        const char* network;
        const char* format; // of the addresses, by number
        int written;
    };
    const auto row = GENERATE(values<struct row>(
        {{"2001:db8::/56", "2001:db8:0:%x::1", 2 * 4}, {"2001:db8::/48", "2001:db8:0:%x00::1", 2 * 16}}));
    fixture test;
    int written = 0;
    for (unsigned i = 0; i < 256; ++i) {
        char text[40];
        std::snprintf(text, sizeof text, row.format, i);
        written += test.written(text, 2);
    }
    CHECK(written == row.written);
    CHECK(test.limit.places() <= 1 + 2 * static_cast<std::size_t>(row.written));
    CHECK(test.written("192.0.2.1", 3) == 2); // others have theirs
    test.limit.tell_now();
    CHECK(test.told[row.network] == 512 - static_cast<std::size_t>(row.written));
}

TEST_CASE("line_limit: ten thousand sources have so many places, and share one beyond") {
    fixture test;
    CHECK(test.written("192.0.2.1", 1) == 1);
    int written = 0;
    for (unsigned i = 0; i < 10'000; ++i) {
        char text[40];
        std::snprintf(text, sizeof text, "2001:%x:%x::1", 0xdb8 + i / 256, i % 256);
        written += test.written(text, 1);
    }
    CHECK(test.limit.places() == server::line_limit::max_places);
    CHECK(written <= static_cast<int>(server::line_limit::max_places / 3) + 3);
    CHECK(test.written("192.0.2.1", 2) == 1); // who was there has its own
}

TEST_CASE("line_limit: more sources than it remembers share a place") {
    fixture test;
    const auto address = [](std::size_t i) {
        return "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    };
    for (std::size_t i = 0; i < server::line_limit::max_places; ++i)
        REQUIRE(test.written(address(i), 1) == 1);
    CHECK(test.written("192.0.2.1", 1) + test.written("192.0.2.2", 1) + test.written("192.0.2.3", 1) == 2);
    CHECK(test.written(address(0), 1) == 1); // it is remembered
    test.limit.tell_now();
    CHECK(test.told == std::map<std::string, std::size_t>{{"many", 1}});
}
