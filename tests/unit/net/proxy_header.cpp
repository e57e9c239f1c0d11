// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/proxy_header.hpp"

#include "catch.hpp"
#include "handoff_sender.hpp"
#include "hello_builder.hpp"

#include <string>

using namespace snipass;
using namespace snipass::testing;

namespace {

constexpr net::unique_id id{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

net::proxy_facts between(const std::string& client, const std::string& local) {
    net::proxy_facts facts;
    facts.client = *ip_endpoint::parse(client);
    facts.local = *ip_endpoint::parse(local);
    facts.id = id;
    return facts;
}

bytes v2(const net::proxy_facts& facts) {
    const auto header = net::make_proxy_v2(facts);
    return {header.begin(), header.end()};
}

std::string v1(const net::proxy_facts& facts) {
    const auto header = net::make_proxy_v1(facts);
    return std::string{as_text(header)};
}

// The header around addresses and TLVs, its length counted by hand.
bytes expected(std::uint8_t family, std::uint8_t length, const bytes& rest) {
    REQUIRE(rest.size() == length);
    return joined(
        {{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, family, 0, length},
         rest});
}

const bytes id_tlv = joined({{5, 0, 16}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}});

} // namespace

TEST_CASE("PROXY v2: the example of docs/handoff.md") {
    auto facts = between("192.0.2.7:50000", "198.51.100.1:443");
    facts.host_name = "blog.example.com";
    facts.alpn = "h2";
    facts.id = {0x8f, 0x3c, 0x1e, 0x02, 0xd9, 0x4b, 0xa7, 0x65, 0, 0, 0, 0, 0, 0, 0, 0x2a};
    auto header = v2(facts);
    auto example = handoff_test::example_header();
    // Their order means nothing: the example has AUTHORITY before ALPN.
    std::sort(header.begin() + 28, header.end());
    std::sort(example.begin() + 28, example.end());
    CHECK(header == example);
}

TEST_CASE("PROXY v2: IPv4, with every TLV") {
    auto facts = between("192.0.2.1:56324", "198.51.100.2:443");
    facts.host_name = "a.b";
    facts.alpn = "h2";
    const bytes addresses{192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 0x01, 0xbb};
    CHECK(v2(facts) == expected(0x11, 12 + 5 + 6 + 19,
                                joined({addresses, {1, 0, 2, 'h', '2'}, {2, 0, 3, 'a', '.', 'b'}, id_tlv})));
}

TEST_CASE("PROXY v2: IPv6, with no name and no ALPN") {
    const bytes addresses{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    1,    0x20, 0x01,
                          0x0d, 0xb8, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0xff, 0xff, 0x00, 0x50};
    CHECK(v2(between("[2001:db8::1]:65535", "[2001:db8::2]:80")) ==
          expected(0x21, 36 + 19, joined({addresses, id_tlv})));
}

TEST_CASE("PROXY v2: IPv4-mapped addresses are IPv4 addresses") {
    CHECK(v2(between("[::ffff:192.0.2.1]:1", "[::ffff:198.51.100.2]:2")) ==
          v2(between("192.0.2.1:1", "198.51.100.2:2")));
}

TEST_CASE("PROXY v2: one IPv4 address among IPv6 ones is written in its mapped form") {
    const bytes addresses{0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1, 0x20, 0x01,
                          0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0,   2, 0, 1, 0,    2};
    CHECK(v2(between("192.0.2.1:1", "[2001:db8::2]:2")) ==
          expected(0x21, 36 + 19, joined({addresses, id_tlv})));
}

TEST_CASE("PROXY v2: the largest header fits, and its length has two bytes") {
    auto facts = between("[2001:db8::1]:1", "[2001:db8::2]:2");
    const std::string name(255, 'n');
    const std::string alpn(255, 'a');
    facts.host_name = name;
    facts.alpn = alpn;
    const auto header = v2(facts);
    constexpr std::size_t length = 36 + 258 + 258 + 19;
    REQUIRE(header.size() == 16 + length);
    CHECK(header.size() == net::proxy_header{}.capacity());
    CHECK(header[14] == length / 256);
    CHECK(header[15] == length % 256);
    CHECK(bytes(header.begin() + 52, header.begin() + 55) == bytes{1, 0, 255});
    CHECK(header[52 + 258] == 2);
    CHECK(header[52 + 258 + 258] == 5);
}

TEST_CASE("PROXY v1: one line") {
    struct row {
        const char* client;
        const char* local;
        const char* line;
    };
    const auto [client, local, line] = GENERATE(values<row>({
        {"192.0.2.1:56324", "192.0.2.9:443", "PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n"},
        {"[2001:db8::1]:1", "[2001:db8::2]:65535", "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"},
        {"192.0.2.1:1", "[2001:db8::2]:2", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n"},
        {"[2001:db8::1]:1", "192.0.2.9:2", "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.9 1 2\r\n"},
        {"[::ffff:192.0.2.1]:1", "192.0.2.9:2", "PROXY TCP4 192.0.2.1 192.0.2.9 1 2\r\n"},
    }));
    CHECK(v1(between(client, local)) == line);
}

// proxy-protocol.txt, section 2.1: 107 characters are the longest line, and receivers have room for no more.
TEST_CASE("PROXY v1: the longest line has at most 107 characters") {
    const std::string longest = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
    CHECK(v1(between(longest, longest)).size() <= 107);
    CHECK(v1(between("255.255.255.255:65535", longest)).size() <= 107);
}
