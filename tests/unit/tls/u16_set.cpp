// SPDX-License-Identifier: BSL-1.0
#include "snipass/tls/u16_set.hpp"

#include "catch.hpp"

using snipass::tls::u16_set;

TEST_CASE("u16_set holds what was inserted and nothing else, for each number") {
    u16_set set;
    unsigned wrong = 0;
    for (unsigned number = 0; number <= 0xffff; number += 3)
        if (!set.insert(static_cast<std::uint16_t>(number)))
            ++wrong;
    for (unsigned number = 0; number <= 0xffff; ++number)
        if (set.contains(static_cast<std::uint16_t>(number)) != (number % 3 == 0))
            ++wrong;
    CHECK(wrong == 0);
}

TEST_CASE("u16_set tells whether an inserted number is new and an erased one was there") {
    u16_set set;
    CHECK(set.insert(0xffff));
    CHECK_FALSE(set.insert(0xffff));
    CHECK(set.insert(0xfffe));
    CHECK(set.erase(0xffff));
    CHECK_FALSE(set.erase(0xffff));
    CHECK_FALSE(set.erase(7));
    CHECK(set.contains(0xfffe));
    CHECK(set.insert(0xffff));
}
