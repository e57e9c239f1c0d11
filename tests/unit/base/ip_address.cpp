// SPDX-License-Identifier: BSL-1.0
#include "snipass/base/ip_address.hpp"

#include "catch.hpp"

using snipass::ip_address;
using snipass::ip_endpoint;
using snipass::ip_prefix;

namespace {

struct text_row {
    const char* behaviour;
    std::string written;
    std::string printed;
};

struct refused_row {
    const char* behaviour;
    std::string written;
};

struct contains_row {
    const char* behaviour;
    const char* prefix;
    const char* address;
    bool inside;
};

} // namespace

TEST_CASE("ip_address reads and prints") {
    const auto row = GENERATE(values<text_row>({
        {"IPv4", "192.0.2.1", "192.0.2.1"},
        {"IPv6", "2001:db8::1", "2001:db8::1"},
        {"upper case and leading zeros", "2001:0DB8:0:0:0:0:0:00AB", "2001:db8::ab"},
        {"the first of two longest runs of zeros is shortened", "1:0:0:2:0:0:3:4", "1::2:0:0:3:4"},
        {"a single zero group is not shortened", "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
        {"the unspecified addresses", "::", "::"},
        {"an IPv4-mapped address is that IPv4 address", "::ffff:192.0.2.1", "192.0.2.1"},
        {"the longest there is", "1111:2222:3333:4444:5555:6666:7777:8888",
         "1111:2222:3333:4444:5555:6666:7777:8888"},
    }));
    INFO(row.behaviour);
    const auto address = ip_address::parse(row.written);
    REQUIRE(address);
    CHECK(address->to_string() == row.printed);
    CHECK(ip_address::parse(address->to_string()) == address);
}

TEST_CASE("ip_address refuses") {
    const auto row = GENERATE(values<refused_row>({
        {"nothing", ""},
        {"a name", "localhost"},
        {"three numbers", "192.0.2"},
        {"a number over 255", "192.0.2.256"},
        {"an octal-looking number", "192.0.2.010"},
        {"brackets", "[::1]"},
        {"a zone", "fe80::1%eth0"},
        {"a port", "192.0.2.1:443"},
        {"a space behind", "192.0.2.1 "},
        {"a NUL behind", std::string("192.0.2.1\0", 10)},
        {"a NUL and more behind", std::string("::1\0x", 5)},
        {"nine groups", "1:2:3:4:5:6:7:8:9"},
        {"a text longer than any address", std::string(200, '1')},
    }));
    INFO(row.behaviour);
    CHECK_FALSE(ip_address::parse(row.written));
}

TEST_CASE("ip_address holds IPv4 in its mapped form") {
    const auto address = ip_address::v4({192, 0, 2, 1});
    CHECK(address.is_v4());
    CHECK(address.v4_bytes() == std::array<std::uint8_t, 4>{192, 0, 2, 1});
    CHECK(address == ip_address::parse("::ffff:192.0.2.1"));
    CHECK_FALSE(ip_address{}.is_v4());
    CHECK_FALSE(ip_address::parse("::192.0.2.1")->is_v4());
    CHECK(ip_address::v4({1, 2, 3, 4}) < ip_address::v4({1, 2, 3, 5}));
}

TEST_CASE("ip_endpoint reads and prints") {
    const auto row = GENERATE(values<text_row>({
        {"IPv4", "192.0.2.1:443", "192.0.2.1:443"},
        {"IPv6", "[2001:db8::1]:443", "[2001:db8::1]:443"},
        {"the unspecified address", "[::]:80", "[::]:80"},
        {"port 0", "127.0.0.1:0", "127.0.0.1:0"},
        {"port 65535", "127.0.0.1:65535", "127.0.0.1:65535"},
        {"an IPv4-mapped address", "[::ffff:192.0.2.1]:1", "192.0.2.1:1"},
    }));
    INFO(row.behaviour);
    const auto endpoint = ip_endpoint::parse(row.written);
    REQUIRE(endpoint);
    CHECK(endpoint->to_string() == row.printed);
}

TEST_CASE("ip_endpoint refuses") {
    const auto row = GENERATE(values<refused_row>({
        {"nothing", ""},
        {"no port", "192.0.2.1"},
        {"an empty port", "192.0.2.1:"},
        {"a port over 65535", "192.0.2.1:65536"},
        {"a port that overflows", "192.0.2.1:99999999999999999999"},
        {"a negative port", "192.0.2.1:-1"},
        {"a signed port", "192.0.2.1:+1"},
        {"a hexadecimal port", "192.0.2.1:0x1"},
        {"a space before the port", "192.0.2.1: 1"},
        {"IPv6 without brackets", "::1:443"},
        {"IPv4 in brackets", "[192.0.2.1]:443"},
        {"no address", ":443"},
        {"empty brackets", "[]:443"},
        {"a bracket left open", "[::1:443"},
        {"a name", "localhost:443"},
    }));
    INFO(row.behaviour);
    CHECK_FALSE(ip_endpoint::parse(row.written));
}

TEST_CASE("ip_endpoint overlaps with itself and with the wildcard address of its family or of both") {
    const auto overlaps = [](const char* a, const char* b) {
        const auto one = *ip_endpoint::parse(a);
        const auto other = *ip_endpoint::parse(b);
        CHECK(overlap(one, other) == overlap(other, one));
        return overlap(one, other);
    };
    CHECK(overlaps("127.0.0.1:443", "127.0.0.1:443"));
    CHECK(overlaps("127.0.0.1:443", "0.0.0.0:443"));
    CHECK(overlaps("127.0.0.1:443", "[::]:443"));
    CHECK(overlaps("0.0.0.0:443", "[::]:443"));
    CHECK(overlaps("[::1]:443", "[::]:443"));
    CHECK_FALSE(overlaps("127.0.0.1:443", "127.0.0.2:443"));
    CHECK_FALSE(overlaps("[::1]:443", "0.0.0.0:443"));
    CHECK_FALSE(overlaps("127.0.0.1:443", "[::]:444"));
}

TEST_CASE("ip_endpoint: a wildcard address includes those of its family or of both, and not itself") {
    const auto is_within = [](const char* narrow, const char* wide) {
        return includes(*ip_endpoint::parse(wide), *ip_endpoint::parse(narrow));
    };
    CHECK(is_within("127.0.0.1:443", "0.0.0.0:443"));
    CHECK(is_within("127.0.0.1:443", "[::]:443"));
    CHECK(is_within("0.0.0.0:443", "[::]:443"));
    CHECK(is_within("[::1]:443", "[::]:443"));
    CHECK_FALSE(is_within("[::]:443", "0.0.0.0:443"));
    CHECK_FALSE(is_within("[::]:443", "[::]:443"));
    CHECK_FALSE(is_within("[::1]:443", "0.0.0.0:443"));
    CHECK_FALSE(is_within("127.0.0.1:443", "127.0.0.1:443"));
    CHECK_FALSE(is_within("127.0.0.1:443", "[::]:444"));
}

TEST_CASE("ip_prefix reads and prints") {
    const auto row = GENERATE(values<text_row>({
        {"IPv4", "192.0.2.0/24", "192.0.2.0/24"},
        {"IPv6", "2001:db8::/32", "2001:db8::/32"},
        {"a bare IPv4 address is one host", "192.0.2.1", "192.0.2.1/32"},
        {"a bare IPv6 address is one host", "2001:db8::1", "2001:db8::1/128"},
        {"every IPv4 address", "0.0.0.0/0", "0.0.0.0/0"},
        {"every IPv6 address", "::/0", "::/0"},
        {"a length inside a byte", "10.96.0.0/11", "10.96.0.0/11"},
        {"a mapped prefix is the IPv4 prefix", "::ffff:192.0.2.0/120", "192.0.2.0/24"},
        {"all mapped addresses are every IPv4 address", "::ffff:0:0/96", "0.0.0.0/0"},
    }));
    INFO(row.behaviour);
    const auto prefix = ip_prefix::parse(row.written);
    REQUIRE(prefix);
    CHECK(prefix->to_string() == row.printed);
}

TEST_CASE("ip_prefix refuses") {
    const auto row = GENERATE(values<refused_row>({
        {"nothing", ""},
        {"no address", "/24"},
        {"an empty length", "192.0.2.0/"},
        {"a length over 32 for IPv4", "192.0.2.0/33"},
        {"a length over 128 for IPv6", "2001:db8::/129"},
        {"a negative length", "192.0.2.0/-1"},
        {"two lengths", "192.0.2.0/24/8"},
        {"a netmask", "192.0.2.0/255.255.255.0"},
        {"bits behind the length", "192.0.2.1/24"},
        {"bits behind a length inside a byte", "10.97.0.0/11"},
        {"bits behind the length of an IPv6 prefix", "2001:db8::1/64"},
        {"a mapped prefix that is shorter than the mapping", "::ffff:0:0/95"},
    }));
    INFO(row.behaviour);
    CHECK_FALSE(ip_prefix::parse(row.written));
}

TEST_CASE("ip_prefix contains") {
    const auto row = GENERATE(values<contains_row>({
        {"the first address", "192.0.2.0/24", "192.0.2.0", true},
        {"the last address", "192.0.2.0/24", "192.0.2.255", true},
        {"not the one behind", "192.0.2.0/24", "192.0.3.0", false},
        {"not the one before", "192.0.2.0/24", "192.0.1.255", false},
        {"inside a byte", "10.96.0.0/11", "10.127.255.255", true},
        {"outside a byte", "10.96.0.0/11", "10.128.0.0", false},
        {"one host", "192.0.2.1", "192.0.2.1", true},
        {"one host only", "192.0.2.1", "192.0.2.2", false},
        {"every IPv4 client", "0.0.0.0/0", "203.0.113.9", true},
        {"no IPv6 client in every IPv4 client", "0.0.0.0/0", "2001:db8::1", false},
        {"every IPv6 client", "::/0", "2001:db8::1", true},
        {"no IPv4 client in every IPv6 client", "::/0", "203.0.113.9", false},
        {"an IPv4 client in its mapped form", "192.0.2.0/24", "::ffff:192.0.2.9", true},
        {"IPv6", "2001:db8::/32", "2001:db8:ffff::1", true},
        {"not another IPv6 prefix", "2001:db8::/32", "2001:db9::", false},
    }));
    INFO(row.behaviour);
    CHECK(ip_prefix::parse(row.prefix)->contains(*ip_address::parse(row.address)) == row.inside);
}

TEST_CASE("ip_prefix ends at its last address") {
    CHECK(ip_prefix::parse("192.0.2.0/24")->last() == ip_address::parse("192.0.2.255"));
    CHECK(ip_prefix::parse("10.96.0.0/11")->last() == ip_address::parse("10.127.255.255"));
    CHECK(ip_prefix::parse("192.0.2.1")->last() == ip_address::parse("192.0.2.1"));
    CHECK(ip_prefix::parse("2001:db8::/33")->last() ==
          ip_address::parse("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"));
    CHECK(ip_prefix::parse("::/0")->last() == ip_address::parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
}

TEST_CASE("ip_prefix clears and cuts what its constructor is given") {
    const auto v4 = *ip_address::parse("192.0.2.77");
    CHECK(ip_prefix(v4, 24) == *ip_prefix::parse("192.0.2.0/24"));
    CHECK(ip_prefix(v4, 99) == *ip_prefix::parse("192.0.2.77"));
    CHECK(ip_prefix(*ip_address::parse("2001:db8::5"), 64).to_string() == "2001:db8::/64");
    CHECK(ip_prefix(*ip_address::parse("2001:db8::5"), 200).length() == 128);
}
