// SPDX-License-Identifier: BSL-1.0
#include "snipass/proxy_protocol/read.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

namespace {

using namespace snipass;
using namespace snipass::proxy_protocol;
using namespace std::string_literals;

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string v4_addresses =
    "\xC0\x00\x02\x01\xC6\x33\x64\x02\x30\x39\x01\xBB"s; // 192.0.2.1:12345, 198.51.100.2:443
const std::string v6_addresses = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01" + "\x20\x01\x0d\xb8"s +
                                 std::string(11, '\0') + "\x02" + "\x30\x39\x01\xBB"s;

std::string v2(const std::string& command_and_family, const std::string& block) {
    const auto size = block.size();
    return signature + command_and_family + static_cast<char>(size >> 8) + static_cast<char>(size & 0xff) +
           block;
}

struct good_row {
    const char* name;
    std::string bytes;
    const char* source = ""; // "": the socket's own addresses count
    const char* destination = "";
};

std::vector<good_row> good() {
    return {
        {"v1 IPv4", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n", "192.0.2.1:12345", "198.51.100.2:443"},
        {"v1 IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n", "[2001:db8::1]:12345",
         "[2001:db8::2]:443"},
        {"v1 IPv6 in capitals", "PROXY TCP6 2001:DB8::A 2001:DB8::2 1 2\r\n", "[2001:db8::a]:1",
         "[2001:db8::2]:2"},
        {"v1 IPv4-mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 1 2\r\n", "192.0.2.1:1",
         "198.51.100.2:2"},
        {"v1 as nginx writes it for an IPv6 client that reached it over IPv4",
         "PROXY TCP6 2001:db8::9 192.0.2.1 1111 443\r\n", "[2001:db8::9]:1111", "192.0.2.1:443"},
        {"v1 an IPv4 client that reached it over IPv6", "PROXY TCP4 192.0.2.1 2001:db8::9 1111 443\r\n",
         "192.0.2.1:1111", "[2001:db8::9]:443"},
        {"v1 the least and the largest port", "PROXY TCP4 192.0.2.1 198.51.100.2 0 65535\r\n", "192.0.2.1:0",
         "198.51.100.2:65535"},
        {"v1 UNKNOWN", "PROXY UNKNOWN\r\n"},
        {"v1 UNKNOWN with more", "PROXY UNKNOWN ffff::1 what \r ever\r\n"},
        {"v1 at its longest",
         "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
         "65535 65535\r\n"},
        {"v2 IPv4", v2("\x21\x11", v4_addresses), "192.0.2.1:12345", "198.51.100.2:443"},
        {"v2 IPv6", v2("\x21\x21", v6_addresses), "[2001:db8::1]:12345", "[2001:db8::2]:443"},
        {"v2 with TLVs", v2("\x21\x11", v4_addresses + "\x01\x00\x02h2\x04\x00\x00"s), "192.0.2.1:12345",
         "198.51.100.2:443"},
        {"v2 LOCAL", v2("\x20\x00"s, "")},
        {"v2 LOCAL with addresses", v2("\x20\x11", v4_addresses)},
        {"v2 LOCAL of a family that is none", v2("\x20\x99", "whatever")},
        {"v2 UNSPEC", v2("\x21\x00"s, "whatever")},
        {"v2 UDP over IPv4", v2("\x21\x12", v4_addresses)},
        {"v2 UDP over IPv6", v2("\x21\x22", v6_addresses)},
        {"v2 a unix stream", v2("\x21\x31", std::string(216, 'x'))},
        {"v2 a unix datagram", v2("\x21\x32", std::string(216, 'x'))},
        {"v2 IPv4 of an unspecified transport", v2("\x21\x10", v4_addresses)},
        {"v2 a stream of an unspecified family", v2("\x21\x01", "")},
        {"v2 at the longest", v2("\x20\x00"s, std::string(v2_max_length, 'x'))},
    };
}

struct bad_row {
    std::string bytes;
    const char* why;
};

std::vector<bad_row> bad() {
    const auto v1 = [](const std::string& rest) { return "PROXY " + rest + "\r\n"; };
    return {
        {"\x16\x03\x01\x02\x00\x01"s, "no PROXY header: it begins with the bytes 16 03 01 02 00 01"},
        {"GET / HTTP/1.1\r\nHost: x\r\n", "no PROXY header: it begins with the bytes 47 45 54 20 2f 20 48 54 "
                                          "54 50 2f 31 2e 31 0d 0a"},
        {"SSH-2.0-OpenSSH_9.2p1", "no PROXY header: it begins with \"SSH-2.0-OpenSSH_\""},
        {"PROXY\tTCP4", "no PROXY header: it begins with the bytes 50 52 4f 58 59 09 54 43 50 34"},

        {"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\n",
         "PROXY v1: it ends with LF and not with CRLF: \"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\""},
        {v1("UNKNOWN " + std::string(92, 'x')),
         "PROXY v1: no CRLF in its first 107 bytes: \"PROXY UNKNOWN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\u000D\""},
        {v1(""), "PROXY v1: its protocol is none of TCP4, TCP6 and UNKNOWN: \"\""},
        {v1("UDP4 192.0.2.1 198.51.100.2 1 2"),
         "PROXY v1: its protocol is none of TCP4, TCP6 and UNKNOWN: \"UDP4\""},
        {v1("tcp4 192.0.2.1 198.51.100.2 1 2"),
         "PROXY v1: its protocol is none of TCP4, TCP6 and UNKNOWN: \"tcp4\""},
        {v1("TCP4\x1b[2J\xff 192.0.2.1 198.51.100.2 1 2"),
         "PROXY v1: its protocol is none of TCP4, TCP6 and UNKNOWN: \"TCP4\\u001B[2J\\u00FF\""},
        {v1("TCP4  192.0.2.1 198.51.100.2 1 2"), "PROXY v1: not two addresses and two ports with one space "
                                                 "before each: \"TCP4  192.0.2.1 198.51.100.2 1 2\""},
        {v1("TCP4 192.0.2.1 198.51.100.2 1 2 "), "PROXY v1: not two addresses and two ports with one space "
                                                 "before each: \"TCP4 192.0.2.1 198.51.100.2 1 2 \""},
        {v1("TCP4 192.0.2.1 198.51.100.2 1"), "PROXY v1: not two addresses and two ports with one space "
                                              "before each: \"TCP4 192.0.2.1 198.51.100.2 1\""},
        {v1("TCP4 2001:db8::1 198.51.100.2 1 2"), "PROXY v1: its source is no IPv4 address: \"2001:db8::1\""},
        {v1("TCP4 ::ffff:192.0.2.1 198.51.100.2 1 2"),
         "PROXY v1: its source is no IPv4 address: \"::ffff:192.0.2.1\""},
        {v1("TCP4 192.0.2.256 198.51.100.2 1 2"), "PROXY v1: its source is no IPv4 address: \"192.0.2.256\""},
        {v1("TCP4 192.0.2.01 198.51.100.2 1 2"), "PROXY v1: its source is no IPv4 address: \"192.0.2.01\""},
        {v1("TCP6 192.0.2.1 2001:db8::1 1 2"), "PROXY v1: its source is no IPv6 address: \"192.0.2.1\""},
        {v1("TCP6 fe80::1%eth0 2001:db8::1 1 2"),
         "PROXY v1: its source is no IPv6 address: \"fe80::1%eth0\""},
        {v1("TCP4 192.0.2.1 localhost 1 2"), "PROXY v1: its destination is no address: \"localhost\""},
        {v1("TCP4 192.0.2.1 198.51.100.2 65536 2"),
         "PROXY v1: its source port is no number from 0 to 65535: \"65536\""},
        {v1("TCP4 192.0.2.1 198.51.100.2 012 2"),
         "PROXY v1: its source port is no number from 0 to 65535: \"012\""},
        {v1("TCP4 192.0.2.1 198.51.100.2 -1 2"),
         "PROXY v1: its source port is no number from 0 to 65535: \"-1\""},
        {v1("TCP4 192.0.2.1 198.51.100.2 1 2\t"),
         "PROXY v1: its destination port is no number from 0 to 65535: \"2\\u0009\""},

        {v2("\x11\x11", v4_addresses), "PROXY v2: its version is 1"},
        {v2("\x22\x11", v4_addresses), "PROXY v2: its command is neither LOCAL (0) nor PROXY (1): 2"},
        {v2("\x21\x41", v4_addresses), "PROXY v2: its address family is none of 0 to 3: 4"},
        {v2("\x21\x13", v4_addresses), "PROXY v2: its transport protocol is none of 0 to 2: 3"},
        {v2("\x20\x00"s, std::string(v2_max_length + 1, 'x')),
         "PROXY v2: it announces 2049 bytes behind its first 16; at most 2048 are read"},
        {v2("\x21\x11", v4_addresses.substr(1)), "PROXY v2: IPv4 addresses and ports of 11 bytes, not 12"},
        {v2("\x21\x21", v4_addresses), "PROXY v2: IPv6 addresses and ports of 12 bytes, not 36"},
        {v2("\x21\x11", v4_addresses + "\xe2\x00\x03h2"s),
         "PROXY v2: a TLV of type 0xe2 announces 3 bytes where 2 are left"},
        {v2("\x21\x11", v4_addresses + "\x01\x00"s), "PROXY v2: 2 bytes behind its last TLV"},
    };
}

} // namespace

TEST_CASE("a PROXY header is read whole, and nothing behind it") {
    for (const auto& row : good()) {
        INFO(row.name);
        const auto with_more = row.bytes + "\x16\x03\x01 and a hello";
        for (const auto& bytes : {row.bytes, with_more}) {
            const auto answer = read(as_bytes(bytes));
            const auto* const whole = std::get_if<header>(&answer);
            REQUIRE(whole != nullptr);
            CHECK(whole->size == row.bytes.size());
            REQUIRE(whole->about.has_value() == !std::string{row.source}.empty());
            if (whole->about) {
                CHECK(whole->about->source.to_string() == row.source);
                CHECK(whole->about->destination.to_string() == row.destination);
            }
            CHECK(begins_with_header(as_bytes(bytes)));
        }
    }
}

TEST_CASE("each shorter part of a PROXY header is partial and asks for more, but not too much") {
    for (const auto& row : good()) {
        INFO(row.name);
        for (std::size_t size = 0; size < row.bytes.size(); ++size) {
            const auto answer = read(as_bytes(std::string_view{row.bytes}.substr(0, size)));
            const auto* const part = std::get_if<partial>(&answer);
            REQUIRE(part != nullptr);
            CHECK(part->needed > size);
            CHECK(part->needed <= row.bytes.size());
        }
    }
}

TEST_CASE("what the PROXY protocol does not allow is refused, and the reason says what was read") {
    for (const auto& row : bad()) {
        INFO(row.bytes);
        const auto answer = read(as_bytes(row.bytes));
        REQUIRE(std::holds_alternative<refused>(answer));
        CHECK(std::get<refused>(answer).why == row.why);
    }
}

TEST_CASE("a wrong byte in the signature of a PROXY header is found at once") {
    for (const std::string& whole : {signature, "PROXY "s}) {
        for (std::size_t i = 0; i < whole.size(); ++i) {
            auto lie = whole.substr(0, i + 1);
            lie[i] ^= 0x40;
            CHECK(std::holds_alternative<refused>(read(as_bytes(lie))));
            CHECK_FALSE(begins_with_header(as_bytes(lie)));
        }
        CHECK(begins_with_header(as_bytes(whole)));
        CHECK_FALSE(begins_with_header(as_bytes(std::string_view{whole}.substr(1))));
        CHECK_FALSE(begins_with_header(as_bytes(std::string_view{whole}.substr(0, whole.size() - 1))));
    }
}

TEST_CASE("the TLVs of a PROXY header are found by their types") {
    const auto bytes = v2("\x21\x11", v4_addresses + "\x02\x00\x01x\x04\x00\x00\x05\x00\x02id\x02\x00\x01y"s);
    const auto answer = read(as_bytes(bytes));
    const auto tlvs = std::get<header>(answer).tlvs;
    CHECK(as_text(tlvs.find(tlv_type::authority).value()) == "x"); // the first of its type
    CHECK(as_text(tlvs.find(tlv_type::unique_id).value()) == "id");
    CHECK(tlvs.find(0x04).value().empty());
    CHECK_FALSE(tlvs.find(tlv_type::alpn));
    CHECK(tlv_list{}.empty());
}
