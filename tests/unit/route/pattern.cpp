// SPDX-License-Identifier: BSL-1.0
#include "snipass/route/pattern.hpp"

#include "catch.hpp"

using Catch::Matchers::ContainsSubstring;
using snipass::route::pattern;
using snipass::route::pattern_kind;

namespace {

struct accepted {
    const char* behaviour;
    std::string written;
    pattern_kind kind;
    std::string text;
};

struct refused {
    const char* behaviour;
    std::string written;
    std::string problem; // a part of it
};

} // namespace

TEST_CASE("pattern accepts and normalises") {
    const auto row = GENERATE(values<accepted>({
        {"an exact name", "blog.example.com", pattern_kind::exact, "blog.example.com"},
        {"an exact name in upper case with a dot behind", "Blog.Example.COM.", pattern_kind::exact,
         "blog.example.com"},
        {"a single label", "localhost", pattern_kind::exact, "localhost"},
        {"a wildcard", "*.example.com", pattern_kind::wildcard, "example.com"},
        {"a wildcard in upper case with a dot behind", "*.EXAMPLE.com.", pattern_kind::wildcard,
         "example.com"},
        {"a wildcard over a top level domain", "*.com", pattern_kind::wildcard, "com"},
        {"a regex", "/www[0-9]+\\.example\\.com/", pattern_kind::regex, "www[0-9]+\\.example\\.com"},
        {"a regex with a slash inside", "/a/b/", pattern_kind::regex, "a/b"},
        {"a regex keeps its upper case: \\D is not \\d", "/\\D+/", pattern_kind::regex, "\\D+"},
    }));
    INFO(row.behaviour);
    const auto parsed = pattern::parse(row.written);
    INFO(parsed.problem);
    REQUIRE(parsed.value);
    CHECK(parsed.value->kind == row.kind);
    CHECK(parsed.value->text == row.text);
    CHECK(pattern::parse(parsed.value->to_string()).value == parsed.value);
}

TEST_CASE("pattern refuses and says what to write") {
    const auto row = GENERATE(values<refused>({
        {"nothing", "", "goes to [default]"},
        {"a lone star", "*", "write \"/.*/\""},
        {"nginx's name for all others", "_", "write [default] for all that no route takes"},
        {"the same with a dot behind it", "_.", "write [default] for all that no route takes"},
        {"a star and a dot", "*.", "write \"/.*/\""},
        {"a star inside", "www.*.com", "only for whole labels in front"},
        {"a star in a label", "*www.example.com", "only for whole labels in front"},
        {"two stars", "*.*.example.com", "only for whole labels in front"},
        {"an IPv4 address", "192.0.2.1", "so they go to [default]; leave it out"},
        {"an IPv6 address", "2001:db8::1", "an IP address is not a host name"},
        {"an IPv6 address in brackets", "[2001:db8::1]", "an IP address is not a host name"},
        {"an address with a port", "192.0.2.1:443", "an IP address is not a host name"},
        {"an address with an interface", "fe80::1%eth0", "an IP address is not a host name"},
        {"an address with an interface and a port", "[fe80::1%eth0]:443", "an IP address is not a host name"},
        {"a regex without slashes", "^(www|shop)\\.example\\.com$",
         R"(write '/^(www|shop)\.example\.com$/')"},
        {"a regex that a wildcard says better", "^.*\\.example\\.com$",
         R"(write "*.example.com", or '/^.*\.example\.com$/')"},
        {"a regex whose dot has no backslash", ".*.example.com", R"(write "*.example.com", or)"},
        {"a regex that a name says better", "^blog\\.example\\.com$", R"(write "blog.example.com", or)"},
        {"a regex with a quote in it", "^a'\\.x$", R"(write "/^a'\\.x$/")"},
        {"a regex of nginx", "~^(www|shop)\\.example\\.com$", R"(write '/^(www|shop)\.example\.com$/')"},
        {"a regex of nginx without regard to case", "~* ^w+\\.x$", R"(write '/^w+\.x$/')"},
        {"a regex of nginx that RE2 does not have", "~^(?!www)x$", "write it in RE2's syntax"},
        {"a dot in front, as in nginx and HAProxy", ".example.com",
         R"(write "*.example.com", and "example.com" beside it)"},
        {"a star behind, as in nginx", "www.example.*", R"(such as '/www\.example\..*/')"},
        {"a URL of a wildcard", "https://*.example.com/", R"(write the host name alone: "*.example.com")"},
        {"a wildcard with its port", "*.example.com:443", R"(write the host name alone: "*.example.com")"},
        {"a URL with a question", "https://blog.example.com?x=1", R"(alone: "blog.example.com")"},
        {"several names in a string", "a.example, *.b.example", R"(write "a.example", "*.b.example")"},
        {"several names with spaces", "a.example b.example", R"(write "a.example", "b.example")"},
        {"a name with a space in it", "exa mple.com", "letters, digits"},
        {"a part of an address", "1.2.3", "its last label is a number"},
        {"a URL", "https://Example.com/x", "write the host name alone: \"example.com\""},
        {"a name with its port", "example.com:443", "write the host name alone: \"example.com\""},
        {"a name with a path", "example.com/x", "write the host name alone: \"example.com\""},
        {"a name outside of ASCII",
         "b\xc3\xbc"
         "cher.example",
         "write \"xn--bcher-kva.example\""},
        {"a wildcard outside of ASCII",
         "*.b\xc3\xbc"
         "cher.example",
         "write \"*.xn--bcher-kva.example\""},
        {"what is no name outside of ASCII either", "\xc3\xbc..x",
         "write the name's ASCII form (\"xn--...\")"},
        {"a number that looks like a version", "1.2.3", "its last label is a number"},
        {"a number behind a name", "a.example.1.", "its last label is a number"},
        {"a space", "a b", "letters, digits"},
        {"an empty label", "a..b", "letters, digits"},
        {"a label of 64", std::string(64, 'a'), "1 to 63"},
        {"a regex without its end", "/www", "write \"/www/\""},
        {"a lone slash", "/", "between two slashes"},
        {"an empty regex", "//", "write \"/.*/\""},
        {"a broken regex, with RE2's words", "/(www/", "missing )"},
        {"a broken regex, with one to copy", "/(www/", R"(as in '/(www|shop)[0-9]*\.example\.com/')"},
        {"a backreference, which RE2 does not have", "/(a)\\1/", "invalid escape sequence: \\1"},
        {"a regex that would take a program too large", "/((a{100}){100}){100}/", "invalid repetition size"},
        {"a regex outside of ASCII",
         "/b\xc3\xbc"
         "cher/",
         "xn--"},
    }));
    INFO(row.behaviour);
    const auto parsed = pattern::parse(row.written);
    CHECK_FALSE(parsed.value);
    CHECK_THAT(parsed.problem, ContainsSubstring(row.problem));
}
