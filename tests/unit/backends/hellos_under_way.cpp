// SPDX-License-Identifier: BSL-1.0
#include "snipass/backends/hellos_under_way.hpp"

#include "catch.hpp"

using namespace snipass;

TEST_CASE("hellos_under_way: one hello once at a time") {
    server::hellos_under_way all;
    const server::hellos_under_way::random one{1};
    const server::hellos_under_way::random other{2};
    auto mark = all.add(one);
    CHECK(mark);
    CHECK_FALSE(all.add(one));
    CHECK(all.add(other));
    CHECK(all.size() == 1); // the other one's mark is gone
    mark.reset();
    CHECK(all.size() == 0);
    CHECK(all.add(one));
}
