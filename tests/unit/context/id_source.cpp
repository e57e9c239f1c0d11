// SPDX-License-Identifier: BSL-1.0
// The names of sessions: one thread's differ in their counter, two threads' in their random bytes.
#include "snipass/context/id_source.hpp"

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <span>

using namespace snipass;

TEST_CASE("id_source: ids are 8 random bytes and a counter that carries") {
    server::id_source one;
    server::id_source other;
    std::set<proxy_protocol::unique_id> seen;
    proxy_protocol::unique_id last{};
    for (int i = 0; i < 70'000; ++i) { // the counter's third byte comes into play
        last = one.next();
        seen.insert(last);
    }
    CHECK(seen.size() == 70'000);
    CHECK(std::equal(last.begin(), last.begin() + 8, seen.begin()->begin()));
    constexpr std::array<std::uint8_t, 8> count{0, 0, 0, 0, 0, 1, 0x11, 0x70}; // 70,000
    CHECK(std::ranges::equal(std::span{last}.subspan(8), count));
    CHECK_FALSE(std::equal(last.begin(), last.begin() + 8, other.next().begin()));
}
