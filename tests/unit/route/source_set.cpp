// SPDX-License-Identifier: BSL-1.0
#include "snipass/route/source_set.hpp"

#include "catch.hpp"

#include <random>

using snipass::ip_address;
using snipass::ip_prefix;
using snipass::route::source_set;

namespace {

source_set make(const std::vector<std::string>& texts) {
    std::vector<ip_prefix> prefixes;
    for (const auto& text : texts)
        prefixes.push_back(*ip_prefix::parse(text));
    return source_set{prefixes};
}

} // namespace

TEST_CASE("source_set merges prefixes that overlap or touch") {
    struct row {
        const char* behaviour;
        std::vector<std::string> prefixes;
        std::size_t ranges;
    };
    const auto row = GENERATE(values<struct row>({
        {"none", {}, 0},
        {"two apart", {"192.0.2.0/24", "198.51.100.0/24"}, 2},
        {"the same twice", {"192.0.2.0/24", "192.0.2.0/24"}, 1},
        {"one inside another", {"192.0.2.128/25", "192.0.2.0/24", "192.0.2.1"}, 1},
        {"halves", {"192.0.2.128/25", "192.0.2.0/25"}, 1},
        {"neighbours but for one address", {"192.0.2.0/32", "192.0.2.2/32"}, 2},
        {"everything", {"::/0", "8000::/1", "ffff::/16"}, 1},
        {"one of each family", {"::/0", "0.0.0.0/0"}, 2},
    }));
    INFO(row.behaviour);
    CHECK(make(row.prefixes).range_count() == row.ranges);
}

TEST_CASE("source_set contains what one of its prefixes contains") {
    std::mt19937 random{7};
    std::vector<ip_prefix> prefixes;
    for (int i = 0; i < 300; ++i) {
        const auto byte = [&] { return static_cast<std::uint8_t>(random() % 4); };
        prefixes.emplace_back(ip_address::v4({10, byte(), byte(), byte()}), 20 + random() % 13);
        ip_address::bytes_type six{0x20, 0x01, byte(), byte(), 0, 0, byte()};
        prefixes.emplace_back(ip_address{six}, 24 + random() % 40);
    }
    const source_set set{prefixes};
    for (int i = 0; i < 20'000; ++i) {
        const auto byte = [&] { return static_cast<std::uint8_t>(random() % 5); };
        const auto address = i % 2 ? ip_address::v4({10, byte(), byte(), byte()})
                                   : ip_address{{0x20, 0x01, byte(), byte(), 0, 0, byte(), byte()}};
        const bool inside = std::any_of(prefixes.begin(), prefixes.end(),
                                        [&](const ip_prefix& prefix) { return prefix.contains(address); });
        if (set.contains(address) != inside)
            FAIL(address.to_string());
    }
}

TEST_CASE("source_set keeps the families apart") {
    CHECK_FALSE(make({"::/0"}).contains(*ip_address::parse("192.0.2.1")));
    CHECK_FALSE(make({"0.0.0.0/0"}).contains(*ip_address::parse("2001:db8::1")));
    CHECK(make({"::/0", "192.0.2.0/24"}).contains(*ip_address::parse("192.0.2.1")));
}

TEST_CASE("source_set of nothing contains nothing") {
    CHECK_FALSE(make({}).contains(ip_address{}));
}
