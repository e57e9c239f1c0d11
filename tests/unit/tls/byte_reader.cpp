// SPDX-License-Identifier: BSL-1.0
#include "snipass/tls/byte_reader.hpp"

#include "catch.hpp"

#include <vector>

using snipass::tls::byte_reader;

namespace {

const std::vector<std::uint8_t> five{1, 2, 3, 4, 5};

} // namespace

TEST_CASE("byte_reader reads big-endian numbers off the front") {
    byte_reader in{five};
    CHECK(in.u8() == 1);
    CHECK(in.u16() == 0x0203);
    CHECK(in.u16() == 0x0405);
    CHECK(in.empty());
    CHECK(byte_reader{five}.u24() == 0x010203U);
}

TEST_CASE("a byte_reader that has too little fails and stays where it was") {
    byte_reader in{five};
    REQUIRE(in.take(4));
    CHECK_FALSE(in.u16());
    CHECK_FALSE(in.u24());
    CHECK_FALSE(in.take(2));
    CHECK(in.rest().size() == 1);
    CHECK(in.u8() == 5);
    CHECK_FALSE(in.u8());
    CHECK(in.take(0));
}

TEST_CASE("a length prefix gives a reader of what it covers and no more") {
    byte_reader in{five};
    auto inner = in.prefixed_u8();
    REQUIRE(inner);
    CHECK(inner->u8() == 2);
    CHECK(inner->empty());
    CHECK(in.rest().size() == 3);
}

TEST_CASE("a length prefix that reaches beyond the end leaves the reader before the prefix") {
    const std::vector<std::uint8_t> lying{0, 4, 1, 2, 3};
    byte_reader in{lying};
    CHECK_FALSE(in.prefixed_u16());
    CHECK(in.rest().size() == 5);
    const std::vector<std::uint8_t> half{0};
    CHECK_FALSE(byte_reader{half}.prefixed_u16());
}
