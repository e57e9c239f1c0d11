// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/users.hpp"

#include "catch.hpp"

using namespace snipass;

TEST_CASE("find_user: a name that there is not is no error") {
    CHECK(os::find_user("root").value() == 0U);
    CHECK_FALSE(os::find_user("no-such-user-here").value());
}
