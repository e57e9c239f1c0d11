// SPDX-License-Identifier: BSL-1.0
#include "snipass/backends/hellos_under_way.hpp"

#include "catch.hpp"

using namespace snipass;

TEST_CASE("hellos_under_way: one hello to one backend so many times at once") {
    server::hellos_under_way all;
    const server::hellos_under_way::random one{1};
    const server::hellos_under_way::random other{2};
    auto mark = all.add(one, "far", 1);
    CHECK(mark);
    CHECK_FALSE(all.add(one, "far", 1));
    CHECK(all.add(one, "far", 2));
    CHECK(all.add(one, "near", 1));
    CHECK(all.add(other, "far", 1));
    CHECK(all.size() == 1); // the other marks are gone
    auto moved = std::move(*mark);
    mark.reset();
    CHECK_FALSE(all.add(one, "far", 1));
    moved = {};
    CHECK(all.size() == 0);
    CHECK(all.add(one, "far", 1));
}
