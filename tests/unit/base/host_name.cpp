// SPDX-License-Identifier: BSL-1.0
#include "snipass/base/host_name.hpp"

#include "catch.hpp"

#include <string>
#include <type_traits>

using namespace std::string_view_literals;
using snipass::host_name;

namespace {

const std::string label63(63, 'a');
const std::string label64(64, 'a');
// 63 + 1 + 63 + 1 + 63 + 1 + 61 = 253
const std::string name253 = label63 + "." + label63 + "." + label63 + "." + std::string(61, 'b');

struct accepted {
    const char* behaviour;
    std::string written;
    std::string text;
};

struct refused {
    const char* behaviour;
    std::string written;
};

} // namespace

TEST_CASE("host_name accepts and normalises") {
    const auto row = GENERATE(values<accepted>({
        {"a name as it is", "blog.example.com", "blog.example.com"},
        {"a single label", "localhost", "localhost"},
        {"a single character", "a", "a"},
        {"upper case, folded", "BLOG.Example.COM", "blog.example.com"},
        {"one trailing dot, dropped", "example.com.", "example.com"},
        {"hyphens anywhere", "-a-.b--c.xn--p1ai", "-a-.b--c.xn--p1ai"},
        {"underscores", "_dmarc.example.com", "_dmarc.example.com"},
        {"digits in front of the last label", "1.2.3.4a", "1.2.3.4a"},
        {"a label of 63", label63 + ".com", label63 + ".com"},
        {"a name of 253", name253, name253},
        {"a name of 253 and a dot", name253 + ".", name253},
        {"the ends of the alphabets", "az.AZ.09.azAZ09", "az.az.09.azaz09"},
    }));
    INFO(row.behaviour);
    const auto name = host_name::parse(row.written);
    REQUIRE(name);
    CHECK(name->text() == row.text);
    CHECK(host_name::parse(name->text()) == name);
}

TEST_CASE("host_name refuses") {
    const auto row = GENERATE(values<refused>({
        {"nothing", ""},
        {"a lone dot", "."},
        {"two trailing dots", "example.com.."},
        {"a leading dot", ".example.com"},
        {"an empty label", "a..b"},
        {"a label of 64", label64 + ".com"},
        {"a last label of 64", "a." + label64},
        {"a name of 254", name253 + "c"},
        {"an IPv4 literal", "192.0.2.1"},
        {"an IPv4 literal with a dot behind", "192.0.2.1."},
        {"a last label that is all digits", "example.123"},
        {"a number", "1"},
        {"an IPv6 literal", "2001:db8::1"},
        {"an IPv6 literal in brackets", "[::1]"},
        {"a wildcard", "*.example.com"},
        {"a space", "a b"},
        {"a NUL", std::string("a\0b", 3)},
        {"a NUL at the end", std::string("ab\0", 3)},
        {"a slash", "a/b"},
        {"a port", "example.com:443"},
        {"UTF-8", "b\xc3\xbc"
                  "cher.example"},
        {"the neighbours of the letters: @", "@"},
        {"the neighbours of the letters: [", "["},
        {"the neighbours of the letters: `", "`"},
        {"the neighbours of the letters: {", "{"},
        {"a byte with the high bit set", "\xff"},
    }));
    INFO(row.behaviour);
    CHECK_FALSE(host_name::parse(row.written));
}

TEST_CASE("host_name compares by its bytes") {
    CHECK(host_name::parse("Example.com.") == host_name::parse("example.COM"));
    CHECK_FALSE(host_name::parse("example.com") == host_name::parse("example.co"));
}

TEST_CASE("host_name is a plain value") {
    CHECK(std::is_trivially_copyable_v<host_name>);
    CHECK(sizeof(host_name) == 254);
}
