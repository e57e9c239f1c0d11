// SPDX-License-Identifier: BSL-1.0
// ECHConfigList: what is written is read, and what is none is not.
#include "snipass/ech/config_list.hpp"

#include "catch.hpp"

using namespace snipass;
using namespace snipass::ech;
using bytes = std::vector<std::uint8_t>;

namespace {

const bytes key(32, 5);

bytes list() {
    return write_config_list(94, key, "public.example");
}

// joined is one list of the configs of two.
bytes joined(const bytes& a, const bytes& b) {
    bytes made(a.begin() + 2, a.end());
    made.insert(made.end(), b.begin() + 2, b.end());
    made.insert(made.begin(),
                {static_cast<std::uint8_t>(made.size() >> 8), static_cast<std::uint8_t>(made.size())});
    return made;
}

} // namespace

TEST_CASE("ech config list: what is written is read") {
    const auto read = parse_config_list(list());
    REQUIRE(read);
    REQUIRE(read->size() == 1);
    const auto& one = read->front();
    CHECK(one.id == 94);
    CHECK(one.kem == kem_x25519);
    CHECK(one.public_key == key);
    CHECK(one.suites.size() == 3);
    for (const auto& suite : one.suites)
        CHECK(is_supported(suite));
    CHECK(one.public_name == "public.example");
    const auto whole = list();
    CHECK(one.whole == bytes(whole.begin() + 2, whole.end()));
}

TEST_CASE("ech config list: configs of another version are passed over") {
    auto other = list();
    other[3] = 0x0c;
    const auto read = parse_config_list(joined(other, list()));
    REQUIRE(read);
    CHECK(read->size() == 1);
    CHECK(parse_config_list(other)->empty());
    CHECK(parse_config_list(joined(list(), list()))->size() == 2);
}

TEST_CASE("ech config list: what is cut, or has a length that lies, is none") {
    const auto whole = list();
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_FALSE(parse_config_list(byte_view{whole}.first(size)));
    auto longer = whole;
    longer.push_back(0);
    CHECK_FALSE(parse_config_list(longer));
    for (const std::size_t at : {0U, 1U, 4U, 5U, 9U, 10U, 43U, 44U}) { // list, config, public key, suites
        auto bent = whole;
        bent[at] ^= 0x40;
        CHECK_FALSE(parse_config_list(bent));
    }
    CHECK_FALSE(parse_config_list(bytes{0, 0}));
}

TEST_CASE("ech config list: suites that are supported") {
    CHECK(is_supported({1, 1}));
    CHECK(is_supported({1, 3}));
    CHECK_FALSE(is_supported({1, 4}));
    CHECK_FALSE(is_supported({1, 0}));
    CHECK_FALSE(is_supported({2, 1}));
}
