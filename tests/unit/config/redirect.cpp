// SPDX-License-Identifier: BSL-1.0
// Where a redirect leads to, and what is none.
#include "snipass/config/redirect.hpp"

#include "catch.hpp"

#include <optional>
#include <string>

using namespace snipass::config;

namespace {

struct redirect_row {
    const char* behaviour;
    const char* written;
    const char* host;
    const char* path;
    std::optional<std::string_view> query;
    const char* location;
};

} // namespace

TEST_CASE("redirect: what a client is told") {
    const auto row = GENERATE(values<redirect_row>({
        {"https", "https", "a.example", "/b/c", std::nullopt, "https://a.example/b/c"},
        {"with the query, as it was sent", "https", "a.example", "/b", "x=%2f&y",
         "https://a.example/b?x=%2f&y"},
        {"an empty query", "https", "a.example", "/", "", "https://a.example/?"},
        {"no path", "https", "a.example", "*", std::nullopt, "https://a.example"},
        {"two slashes are no other host", "https", "a.example", "//b.example/", std::nullopt,
         "https://a.example//b.example/"},
        {"another port", "https://{host}:8443{path}", "a.example", "/b", std::nullopt,
         "https://a.example:8443/b"},
        {"another host", "https://www.example.com{path}", "a.example", "/b", "c",
         "https://www.example.com/b?c"},
        {"one page for all", "https://www.example.com/moved", "a.example", "/b", "c",
         "https://www.example.com/moved"},
        {"a host in a host", "https://{host}.example.net/old{path}", "a.example", "/b", std::nullopt,
         "https://a.example.example.net/old/b"},
        {"in a query", "https://login.example.com/?from={host}", "a.example", "/b", std::nullopt,
         "https://login.example.com/?from=a.example"},
        {"in clear, to another host", "http://www.{host}{path}", "a.example", "/b", std::nullopt,
         "http://www.a.example/b"},
        {"an IPv6 address", "https://[2001:db8::1]:8443{path}", "a.example", "/b", std::nullopt,
         "https://[2001:db8::1]:8443/b"},
    }));
    INFO(row.behaviour);
    const auto url = parse_redirect(row.written);
    REQUIRE(url.value);
    const redirect_settings settings{*url.value};
    CHECK(settings.location_for(row.host, row.path, row.query) == row.location);
    CHECK(settings.needs_host() == (url.value->find("{host}") != std::string::npos));
}

TEST_CASE("redirect: what is no URL, or would lead elsewhere than it seems") {
    const auto* const text =
        GENERATE("", "http", "www.example.com", "ftp://{host}{path}", "https://", "https://{path}",
                 "https:///x", "https://{host", "https://{name}{path}", "https://a b/", "https://a\"b/",
                 "https://a\r\nX: y/", "https://user@b.example/", "https://{host}@b.example/", "https://a:0/",
                 "https://a:99999/", "https://a:{path}", "https://a:b/", "https://[::1", "https://[]/",
                 "https://?x", "http://{host}{path}", "https://a\\b/", "https://a%2fb/", "HTTPS://{host}");
    CAPTURE(text);
    const auto url = parse_redirect(text);
    CHECK_FALSE(url.value);
    CHECK(url.problem.find("; write ") != std::string::npos);
}
