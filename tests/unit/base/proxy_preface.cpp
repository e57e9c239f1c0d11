// SPDX-License-Identifier: BSL-1.0
#include "snipass/base/proxy_preface.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

namespace {

using namespace snipass;
using namespace std::string_literals;
using reading = proxy_preface::reading;

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string v4_addresses =
    "\xC0\x00\x02\x01\xC6\x33\x64\x02\x30\x39\x01\xBB"s; // 192.0.2.1:12345, 198.51.100.2:443

std::string v2(const std::string& command_and_family, const std::string& body) {
    const auto size = body.size();
    return signature + command_and_family + static_cast<char>(size >> 8) + static_cast<char>(size & 0xff) +
           body;
}

struct row {
    const char* name;
    std::string bytes;
    reading state;
    const char* client; // "" : none is told
    const char* local;
};

const std::string v6_addresses = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01" + "\x20\x01\x0d\xb8"s +
                                 std::string(11, '\0') + "\x02" + "\x30\x39\x01\xBB"s;

std::vector<row> good() {
    return {
        {"v1 IPv4", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n", reading::complete, "192.0.2.1:12345",
         "198.51.100.2:443"},
        {"v1 IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n", reading::complete,
         "[2001:db8::1]:12345", "[2001:db8::2]:443"},
        {"v1 UNKNOWN", "PROXY UNKNOWN\r\n", reading::complete, "", ""},
        {"v1 UNKNOWN with more", "PROXY UNKNOWN ffff::1 what ever\r\n", reading::complete, "", ""},
        {"v1 at its longest",
         "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
         "65535 65535\r\n",
         reading::complete, "", ""},
        {"v2 IPv4", v2("\x21\x11", v4_addresses), reading::complete, "192.0.2.1:12345", "198.51.100.2:443"},
        {"v2 IPv6", v2("\x21\x21", v6_addresses), reading::complete, "[2001:db8::1]:12345",
         "[2001:db8::2]:443"},
        {"v2 with TLVs", v2("\x21\x11", v4_addresses + "\x01\x00\x02h2\x04\x00\x00"s), reading::complete,
         "192.0.2.1:12345", "198.51.100.2:443"},
        {"v2 LOCAL", v2("\x20\x00"s, ""), reading::complete, "", ""},
        {"v2 LOCAL with addresses", v2("\x20\x11", v4_addresses), reading::complete, "", ""},
        {"v2 UNSPEC", v2("\x21\x00"s, "whatever"), reading::complete, "", ""},
        {"v2 at the longest", v2("\x20\x00"s, std::string(2'048, 'x')), reading::complete, "", ""},
    };
}

std::vector<row> bad() {
    std::vector<row> rows;
    const auto add = [&](const char* name, std::string bytes) {
        rows.push_back({name, std::move(bytes), reading::malformed, "", ""});
    };
    add("a ClientHello", "\x16\x03\x01\x02\x00\x01"s);
    add("v1 without CR", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\n");
    add("v1 over 107 bytes", "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n");
    add("v1 two spaces", "PROXY TCP4  192.0.2.1 198.51.100.2 12345 443\r\n");
    add("v1 a word too many", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443 \r\n");
    add("v1 a word too few", "PROXY TCP4 192.0.2.1 198.51.100.2 12345\r\n");
    add("v1 no family", "PROXY \r\n");
    add("v1 another family", "PROXY UDP4 192.0.2.1 198.51.100.2 12345 443\r\n");
    add("v1 lower case", "PROXY tcp4 192.0.2.1 198.51.100.2 12345 443\r\n");
    add("v1 IPv6 as TCP4", "PROXY TCP4 2001:db8::1 2001:db8::2 12345 443\r\n");
    add("v1 IPv4 as TCP6", "PROXY TCP6 192.0.2.1 198.51.100.2 12345 443\r\n");
    add("v1 a port too large", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n");
    add("v1 a port with a leading zero", "PROXY TCP4 192.0.2.1 198.51.100.2 012 443\r\n");
    add("v1 a signed port", "PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n");
    add("v1 an address that is none", "PROXY TCP4 192.0.2.256 198.51.100.2 1 443\r\n");
    add("v2 version 1", v2("\x11\x11", v4_addresses));
    add("v2 another command", v2("\x22\x11", v4_addresses));
    add("v2 UDP", v2("\x21\x12", v4_addresses));
    add("v2 unix", v2("\x21\x31", std::string(216, 'x')));
    add("v2 addresses cut short", v2("\x21\x11", v4_addresses.substr(1)));
    add("v2 IPv6 with IPv4 addresses", v2("\x21\x21", v4_addresses));
    add("v2 a TLV over the end", v2("\x21\x11", v4_addresses + "\x01\x00\x03h2"s));
    add("v2 half a TLV head", v2("\x21\x11", v4_addresses + "\x01\x00"s));
    add("v2 too long", v2("\x20\x00"s, std::string(2'049, 'x')));
    return rows;
}

} // namespace

TEST_CASE("proxy_preface: a header is read whole, and nothing behind it") {
    for (const auto& row : good()) {
        INFO(row.name);
        const auto with_more = row.bytes + "\x16\x03\x01 and a hello";
        for (const auto& bytes : {row.bytes, with_more}) {
            const auto read = proxy_preface::parse(as_bytes(bytes));
            REQUIRE(read.state == row.state);
            CHECK(read.size == row.bytes.size());
            REQUIRE(read.told.has_value() == !std::string{row.client}.empty());
            if (read.told) {
                CHECK(read.told->client.to_string() == row.client);
                CHECK(read.told->local.to_string() == row.local);
            }
        }
    }
}

TEST_CASE("proxy_preface: each shorter part of a header is partial and asks for more, but not too much") {
    for (const auto& row : good()) {
        INFO(row.name);
        for (std::size_t size = 0; size < row.bytes.size(); ++size) {
            const auto read = proxy_preface::parse(as_bytes(std::string_view{row.bytes}.substr(0, size)));
            CHECK(read.state == reading::partial);
            CHECK(read.needed > size);
            CHECK(read.needed <= row.bytes.size());
        }
    }
}

TEST_CASE("proxy_preface: what the text does not allow is malformed") {
    for (const auto& row : bad()) {
        INFO(row.name);
        CHECK(proxy_preface::parse(as_bytes(row.bytes)).state == reading::malformed);
    }
}

TEST_CASE("proxy_preface: a wrong byte in the signature is found at once") {
    for (const std::string& whole : {signature, "PROXY "s}) {
        for (std::size_t i = 0; i < whole.size(); ++i) {
            auto lie = whole.substr(0, i + 1);
            lie[i] ^= 0x40;
            CHECK(proxy_preface::parse(as_bytes(lie)).state == reading::malformed);
        }
    }
}

TEST_CASE("proxy_preface: a router's UNIQUE_ID is read, one of another size is not") {
    const std::string id = "0123456789abcdef";
    const auto with = [&](const std::string& value) {
        const auto tlv = "\x05"s + '\0' + static_cast<char>(value.size()) + value;
        const auto bytes = v2("\x21\x11", v4_addresses + tlv);
        return proxy_preface::parse(as_bytes(bytes));
    };
    REQUIRE(with(id).unique_id);
    CHECK(std::equal(id.begin(), id.end(), with(id).unique_id->begin()));
    CHECK(with(id + "x").state == reading::complete);
    CHECK_FALSE(with(id + "x").unique_id);
    CHECK_FALSE(with("").unique_id);
}
