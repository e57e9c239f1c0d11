// SPDX-License-Identifier: BSL-1.0
#include "snipass/context/comings.hpp"

#include "catch.hpp"

using namespace snipass;

TEST_CASE("comings: each client is counted for itself") {
    server::comings all;
    CHECK(all.count_one(1) == 1);
    CHECK(all.count_one(2) == 1);
    CHECK(all.count_one(1) == 2);
    CHECK(all.count_one(1) == 3);
    CHECK(all.count_one(2) == 2);
}

TEST_CASE("comings: of two in one slot the last is known") {
    server::comings all;
    CHECK(all.count_one(7) == 1);
    CHECK(all.count_one(7) == 2);
    CHECK(all.count_one(7 + 1'024) == 1);
    CHECK(all.count_one(7) == 1);
}

TEST_CASE("comings: clients that the kernel does not name are none of them") {
    server::comings all;
    for (int i = 0; i < 20; ++i)
        CHECK(all.count_one(0) == 0);
}
