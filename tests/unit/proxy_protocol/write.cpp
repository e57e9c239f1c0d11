// SPDX-License-Identifier: BSL-1.0
#include "snipass/proxy_protocol/write.hpp"

#include "catch.hpp"
#include "handoff_sender.hpp"
#include "hello_builder.hpp"
#include "snipass/proxy_protocol/read.hpp"

#include <string>

using namespace snipass;
using namespace snipass::testing;
namespace pp = snipass::proxy_protocol;

namespace {

constexpr pp::unique_id id{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

pp::facts between(const std::string& client, const std::string& local) {
    pp::facts facts;
    facts.source = *ip_endpoint::parse(client);
    facts.destination = *ip_endpoint::parse(local);
    facts.id = id;
    return facts;
}

bytes v2(const pp::facts& facts) {
    const auto header = pp::write_v2(facts);
    return {header.begin(), header.end()};
}

std::string v1(const pp::facts& facts) {
    const auto header = pp::write_v1(facts);
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
    facts.authority = "blog.example.com";
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
    facts.authority = "a.b";
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

TEST_CASE("PROXY v2: a client that has shown a certificate has its name in the header, whole or not at all") {
    auto facts = between("192.0.2.1:1", "198.51.100.2:2");
    facts.tls = {"1", "2", "a client"};
    const auto ssl = [&] {
        const auto header = v2(facts);
        return bytes(header.begin() + 28 + 19, header.end());
    };
    const bytes around{0x07, 0, 0, 0, 0, 0x21, 0, 1, '1'}, end{0x23, 0, 1, '2'};
    CHECK(ssl() ==
          joined({{0x20, 0, 24}, around, {0x22, 0, 8, 'a', ' ', 'c', 'l', 'i', 'e', 'n', 't'}, end}));
    facts.tls->client_name = "";
    CHECK(ssl() == joined({{0x20, 0, 13}, around, end}));
    const std::string longest(pp::longest_common_name, 'n');
    facts.tls->client_name = longest;
    CHECK(ssl().size() == 3 + 13 + 3 + longest.size());
    const auto longer = longest + "n";
    facts.tls->client_name = longer;
    CHECK(ssl() == joined({{0x20, 0, 13}, around, end}));
}

TEST_CASE("PROXY v2: the largest header fits, and its length has two bytes") {
    auto facts = between("[2001:db8::1]:1", "[2001:db8::2]:2");
    const std::string name(255, 'n');
    const std::string alpn(255, 'a');
    facts.authority = name;
    facts.alpn = alpn;
    const auto header = v2(facts);
    constexpr std::size_t length = 36 + 258 + 258 + 19;
    REQUIRE(header.size() == 16 + length);
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

TEST_CASE("PROXY headers for connections of our own have no addresses") {
    for (const auto& header : {pp::write_unknown_v1(), pp::write_local_v2()}) {
        const auto answer = pp::read(header);
        REQUIRE(std::holds_alternative<pp::header>(answer));
        CHECK(std::get<pp::header>(answer).size == header.size());
        CHECK_FALSE(std::get<pp::header>(answer).about);
    }
    CHECK(as_text(pp::write_unknown_v1()) == "PROXY UNKNOWN\r\n");
    CHECK(pp::write_local_v2().size() == 16);
}

TEST_CASE("what is written as a PROXY header is read back") {
    for (const auto& [source, destination] : {std::pair{"192.0.2.1:56324", "192.0.2.9:443"},
                                              {"[2001:db8::1]:0", "[2001:db8::2]:65535"},
                                              {"192.0.2.1:1", "[2001:db8::2]:2"},
                                              {"[2001:db8::1]:1", "192.0.2.9:2"}}) {
        auto facts = between(source, destination);
        facts.authority = "blog.example.com";
        for (const auto& header : {pp::write_v1(facts), pp::write_v2(facts)}) {
            const auto answer = pp::read(header);
            REQUIRE(std::holds_alternative<pp::header>(answer));
            const auto& read = std::get<pp::header>(answer);
            CHECK(read.size == header.size());
            REQUIRE(read.about);
            CHECK(read.about->source == facts.source);
            CHECK(read.about->destination == facts.destination);
            if (header[0] != 'P') {
                CHECK(as_text(read.tlvs.find(pp::tlv_type::authority).value()) == facts.authority);
                CHECK(std::ranges::equal(read.tlvs.find(pp::tlv_type::unique_id).value(), facts.id));
            }
        }
    }
}

TEST_CASE("PROXY v2: of a client whose TLS has ended here it tells version, cipher, and what the socket is") {
    auto facts = between("192.0.2.7:50000", "198.51.100.1:443");
    facts.tls = {"TLSv1.3", "TLS_X"};
    facts.plaintext = pp::plaintext_socket::socket_pair;
    const bytes addresses{192, 0, 2, 7, 198, 51, 100, 1, 0xc3, 0x50, 0x01, 0xbb};
    const bytes ssl{0x20, 0,   23,  0x01, 0,   0,    0, 1, 0x21, 0,   7,   'T', 'L',
                    'S',  'v', '1', '.',  '3', 0x23, 0, 5, 'T',  'L', 'S', '_', 'X'};
    CHECK(v2(facts) == expected(0x11, 12 + 19 + 26 + 4, joined({addresses, id_tlv, ssl, {0xe2, 0, 1, 2}})));
    facts.plaintext = pp::plaintext_socket::kernel_tls;
    facts.farewell = "/f";
    CHECK(v2(facts) == expected(0x11, 12 + 19 + 26 + 4 + 5,
                                joined({addresses, id_tlv, ssl, {0xe2, 0, 1, 1, 0xe3, 0, 2, '/', 'f'}})));
}

TEST_CASE("PROXY v2: the longest header fits into what receivers take") {
    auto facts = between("[2001:db8::7]:50000", "[2001:db8::1]:443");
    const std::string long_text(255, 'a');
    facts.authority = facts.alpn = long_text;
    const std::string common_name(pp::longest_common_name, 'c');
    facts.tls = {long_text, long_text, common_name};
    facts.plaintext = pp::plaintext_socket::socket_pair;
    const auto header = v2(facts);
    CHECK(header.size() == pp::written{}.capacity());
    facts.farewell = "/run/f";
    CHECK(v2(facts) == bytes(header.begin(), header.end())); // no room for it
    CHECK(header.size() <= 1'024);
    CHECK(std::holds_alternative<pp::header>(pp::read(header)));
}
