// SPDX-License-Identifier: BSL-1.0
#include "snipass/http/request_head.hpp"

#include "catch.hpp"
#include "head_reading.hpp"
#include "snipass/http/head_error.hpp"

#include <string>

using namespace snipass;
using namespace snipass::testing;
using http::head_error;
using namespace std::string_literals;

namespace {

struct accepted_row {
    const char* name;
    std::string head;
    std::string host;
    std::string path;
    std::string raw_path;
    std::string query; // "-": none
};

void check(const accepted_row& row) {
    CAPTURE(row.name, row.head);
    const auto with_body = row.head + "the body";
    const auto reading = read_head(with_body);
    INFO(reading.in_words());
    REQUIRE(reading.head);
    CHECK(reading.head->host == row.host);
    CHECK(reading.head->path == row.path);
    CHECK_FALSE(reading.head->unsafe);
    CHECK(reading.head->raw_path == row.raw_path);
    CHECK(reading.head->query.value_or("-") == row.query);
    CHECK(reading.head->size == row.head.size());
    CHECK(differing_head_split(as_bytes(row.head)).empty());
    CHECK(differing_head_split(as_bytes(with_body)).empty());
}

struct refused_row {
    const char* name;
    std::string head;
    head_error why;
};

void check(const refused_row& row) {
    CAPTURE(row.name, row.head);
    const auto reading = read_head(row.head);
    INFO(reading.in_words());
    CHECK(reading.error == row.why);
    CHECK(differing_head_split(as_bytes(row.head)).empty());
}

std::string get(const std::string& target, const std::string& host = "a.example") {
    return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

std::string with_fields(const std::string& fields) {
    return "GET / HTTP/1.1\r\n" + fields + "\r\n\r\n";
}

} // namespace

TEST_CASE("a request head says its host, its path and its query") {
    const std::vector<accepted_row> rows{
        {"an origin-form", get("/live/1?a=b"), "a.example", "/live/1", "/live/1", "a=b"},
        {"an empty query", get("/?"), "a.example", "/", "/", ""},
        {"a query with a ?", get("/?a?b"), "a.example", "/", "/", "a?b"},
        {"a Host with a port", get("/", "a.example:8080"), "a.example", "/", "/", "-"},
        {"a Host with the largest port", get("/", "a.example:0065535"), "a.example", "/", "/", "-"},
        {"a Host with an empty port", get("/", "a.example:"), "a.example", "/", "/", "-"},
        {"a Host in capitals", get("/", "A.Example"), "A.Example", "/", "/", "-"},
        {"a Host with a trailing dot", get("/", "a.example."), "a.example.", "/", "/", "-"},
        {"a Host that is an IPv4 address", get("/", "192.0.2.1:80"), "192.0.2.1", "/", "/", "-"},
        {"a Host that is an IPv6 address", get("/", "[2001:db8::1]:80"), "[2001:db8::1]", "/", "/", "-"},
        {"a Host that DNS does not have", get("/", "a_b,c"), "a_b,c", "/", "/", "-"},
        {"a Host that is empty", get("/", ""), "", "/", "/", "-"},
        {"a Host with white space around", with_fields("Host:\t a.example \t"), "a.example", "/", "/", "-"},
        {"a Host without white space", with_fields("hOST:a.example"), "a.example", "/", "/", "-"},
        {"a Host behind other fields", with_fields("Accept: */*\r\nX-Host: b\r\nHost: a"), "a", "/", "/",
         "-"},
        {"HTTP/1.0 with a Host", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "a", "/", "/", "-"},
        {"HTTP/1.0 without a field", "GET /x HTTP/1.0\r\n\r\n", "", "/x", "/x", "-"},
        {"an absolute-form", get("http://a.example/x?y"), "a.example", "/x", "/x", "y"},
        {"an absolute-form in other capitals", get("HTTP://A.EXAMPLE/"), "a.example", "/", "/", "-"},
        {"an absolute-form with the Host's port", get("http://a:80/", "a:80"), "a", "/", "/", "-"},
        {"an absolute-form without a path", get("http://a.example"), "a.example", "/", "/", "-"},
        {"an absolute-form of a query alone", get("http://a.example?y"), "a.example", "/", "/", "y"},
        {"an absolute-form of HTTP/1.0", "GET http://a/x HTTP/1.0\r\nHost: a\r\n\r\n", "a", "/x", "/x", "-"},
        {"an asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "a", "", "*", "-"},
        {"a method of one's own", "a-B!1 / HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/", "/", "-"},
        {"bytes that browsers send as they are", get("/[a]|b?{c}^`\\"), "a.example", "/[a]|b", "/[a]|b",
         "{c}^`\\"},
        {"a path to normalise", get("/a/./b/../%7ec"), "a.example", "/a/~c", "/a/./b/../%7ec", "-"},
        {"a query that looks like a path", get("/a?/../../b"), "a.example", "/a", "/a", "/../../b"},
        {"two slashes", get("//b/c"), "a.example", "//b/c", "//b/c", "-"},
        {"a URI in a path", get("/http://b/"), "a.example", "/http://b/", "/http://b/", "-"},
        {"a value with bytes above ASCII", with_fields("Host: a\r\nX: \xc3\xa4\xff"), "a", "/", "/", "-"},
        {"a value that is empty", with_fields("Host: a\r\nX:"), "a", "/", "/", "-"},
    };
    for (const auto& row : rows)
        check(row);
}

TEST_CASE("what servers may read differently is refused by a rule of its own") {
    const std::vector<refused_row> rows{
        {"noise", "\x01\x02\x03", head_error::not_http},
        {"a space first", " GET / HTTP/1.1\r\n", head_error::not_http},
        {"TLS", "\x16\x03\x01\x02\x00", head_error::tls_record},
        {"no TLS", "\x16\x04", head_error::not_http},
        {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", head_error::http2_preface},
        {"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", head_error::empty_line},
        {"an LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", head_error::empty_line},
        {"a colon in the method", "GE:T / HTTP/1.1\r\n", head_error::method_byte},
        {"a tab behind the method", "GET\t/ HTTP/1.1\r\n", head_error::method_byte},
        {"a method alone", "QUIT\r\n", head_error::request_line},
        {"HTTP/0.9", "GET /\r\n", head_error::request_line},
        {"two spaces before the target", "GET  / HTTP/1.1\r\n", head_error::request_line},
        {"no target", "GET \r\n", head_error::request_line},
        {"two spaces behind the target", "GET /  HTTP/1.1\r\n", head_error::version_text},
        {"a space in the target", "GET /a b HTTP/1.1\r\n", head_error::version_text},
        {"a tab in the target", "GET /a\tb HTTP/1.1\r\n", head_error::target_byte},
        {"a fragment", "GET /#a HTTP/1.1\r\n", head_error::target_byte},
        {"a quote in the target", "GET /\"a HTTP/1.1\r\n", head_error::target_byte},
        {"a byte above ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\n", head_error::target_byte},
        {"a NUL in the target", "GET /a\0b HTTP/1.1\r\n"s, head_error::target_byte},
        {"a small http", "GET / http/1.1\r\n", head_error::version_text},
        {"a version without a minor", "GET / HTTP/1\r\n", head_error::version_text},
        {"a version of three digits", "GET / HTTP/1.10\r\n", head_error::version_text},
        {"a space behind the version", "GET / HTTP/1.1 \r\n", head_error::version_text},
        {"a CR alone behind the version", "GET / HTTP/1.1\rHost: a\r\n\r\n", head_error::bare_cr},
        {"a CR in a value", with_fields("Host: a\rb"), head_error::bare_cr},
        {"two CRs at a line's end", with_fields("Host: a\r"), head_error::bare_cr},
        {"a CR alone at the end", "GET / HTTP/1.1\r\nHost: a\r\n\rx", head_error::bare_cr},
        {"an LF behind the version", "GET / HTTP/1.1\nHost: a\n\n", head_error::bare_lf},
        {"an LF behind a value", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", head_error::bare_lf},
        {"an LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", head_error::bare_lf},
        {"a folded line", with_fields("Host: a\r\n b"), head_error::line_folding},
        {"a folded line with a tab", with_fields("Host: a\r\n\tb"), head_error::line_folding},
        {"white space before the first field", with_fields(" Host: a"), head_error::line_folding},
        {"a space before the colon", with_fields("Host : a"), head_error::space_before_colon},
        {"a tab before the colon", with_fields("Host\t: a"), head_error::space_before_colon},
        {"a line without a colon", with_fields("Host"), head_error::field_name},
        {"a field without a name", with_fields(": a"), head_error::field_name},
        {"a name with a parenthesis", with_fields("Ho(st: a"), head_error::field_name},
        {"a name with a NUL", with_fields("Ho\0st: a"s), head_error::field_name},
        {"a name with a byte above ASCII", with_fields("H\xf6st: a"), head_error::field_name},
        {"a NUL in a value", with_fields("Host: a\0b"s), head_error::field_value},
        {"a DEL in a value", with_fields("X: \x7f"), head_error::field_value},
        {"a control character in a value", with_fields("X: \x0b"), head_error::field_value},
        {"HTTP/2.0 in a request line", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", head_error::version_number},
        {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", head_error::version_number},
        {"HTTP/0.9 in a request line", "GET / HTTP/0.9\r\n\r\n", head_error::version_number},
        {"PRI in HTTP/1.1", "PRI * HTTP/1.1\r\nHost: a\r\n\r\n", head_error::reserved_method},
        {"PRI of a path", "PRI / HTTP/2.0\r\n\r\n", head_error::reserved_method},
        {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", head_error::connect},
        {"an asterisk of GET", get("*"), head_error::asterisk},
        {"an authority-form of GET", get("a.example:80"), head_error::target_form},
        {"a path without a slash", get("index.html"), head_error::target_form},
        {"a URI without an authority", get("http:/x"), head_error::target_form},
        {"https in the target", get("https://a.example/"), head_error::target_scheme},
        {"an empty scheme", get("://a.example/"), head_error::target_scheme},
        {"a user in the target", get("http://u@a.example/"), head_error::target_userinfo},
        {"an empty authority", get("http:///x"), head_error::target_authority},
        {"a backslash in the authority", get("http://a.example\\b/"), head_error::target_authority},
        {"a port that is none", get("http://a.example:8o/"), head_error::target_authority},
        {"two Hosts", with_fields("Host: a\r\nHost: b"), head_error::host_repeated},
        {"the same Host twice", with_fields("Host: a\r\nX: y\r\nhost: a"), head_error::host_repeated},
        {"two Hosts of HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", head_error::host_repeated},
        {"an empty Host beside one", with_fields("Host: \r\nHost: b"), head_error::host_repeated},
        {"a Host with a user", get("/", "u@a"), head_error::host_value},
        {"a Host with a path", get("/", "a/b"), head_error::host_value},
        {"a Host with a space", get("/", "a b"), head_error::host_value},
        {"a Host with an escape", get("/", "%61"), head_error::host_value},
        {"a Host with a scheme", get("/", "http://a"), head_error::host_value},
        {"a Host with a byte above ASCII", get("/", "\xc3\xa4"), head_error::host_value},
        {"a Host with two ports", get("/", "a:80:80"), head_error::host_value},
        {"a Host with a port that is none", get("/", "a:http"), head_error::host_value},
        {"a Host with a port that is too large", get("/", "a:65536"), head_error::host_value},
        {"a Host that is a port", get("/", ":80"), head_error::host_value},
        {"a Host with an open bracket", get("/", "[::1"), head_error::host_value},
        {"a Host with brackets around a name", get("/", "[a]"), head_error::host_value},
        {"a Host with something behind the brackets", get("/", "[::1]a"), head_error::host_value},
        {"a Host with a zone", get("/", "[fe80::1%25eth0]"), head_error::host_value},
        {"a Host with a long address", get("/", "[" + std::string(50, ':') + "]"), head_error::host_value},
        {"HTTP/1.1 without a Host", "GET / HTTP/1.1\r\n\r\n", head_error::host_missing},
        {"an absolute-form without a Host", "GET http://a/ HTTP/1.1\r\n\r\n", head_error::host_missing},
        {"an absolute-form of HTTP/1.0 without a Host", "GET http://a/ HTTP/1.0\r\n\r\n",
         head_error::host_missing},
        {"an absolute-form of another Host", get("http://b.example/"), head_error::host_differs},
        {"an absolute-form of another port", get("http://a.example:80/"), head_error::host_differs},
        {"an absolute-form with an empty Host", get("http://a.example/", ""), head_error::host_differs},
    };
    for (const auto& row : rows)
        check(row);
}

TEST_CASE("a path without a normal form is none, for a reason of its own") {
    struct row {
        const char* name;
        const char* path;
        head_error why;
    };
    const row rows[] = {
        {"a caret", "/a^b", head_error::path_byte},
        {"a broken escape", "/%", head_error::path_escape},
        {"an escape of no digits", "/%zz", head_error::path_escape},
        {"an escaped slash", "/a%2Fb", head_error::path_separator},
        {"an escaped backslash", "/a%5cb", head_error::path_separator},
        {"a backslash", "/a\\b", head_error::path_separator},
        {"an escaped NUL", "/a%00", head_error::path_nul},
        {"a path above its root", "/../a", head_error::path_above_root},
        {"an escaped path above its root", "/%2e%2E/a", head_error::path_above_root},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto text = get(row.path + "?c"s);
        const auto reading = read_head(text);
        REQUIRE(reading.head);
        CHECK(reading.head->unsafe == row.why);
        CHECK(reading.head->path.empty());
        CHECK(reading.head->raw_path == row.path);
        CHECK(reading.head->query == "c");
        CHECK(differing_head_split(as_bytes(text)).empty());
    }
}

TEST_CASE("field lines are walked in their order, repeated ones repeated") {
    const auto text = with_fields("Host: a\r\nX:1\r\nx: \t2 3\t\r\nEmpty:  ");
    const auto reading = read_head(text);
    REQUIRE(reading.head);
    std::string walked;
    for (auto fields = reading.head->fields; !fields.empty(); fields.pop_front())
        walked += std::string{fields.front().name} + "=" + std::string{fields.front().value} + ";";
    CHECK(walked == "Host=a;X=1;x=2 3;Empty=;");
}

TEST_CASE("a request for a head is one in capitals") {
    CHECK(read_head("HEAD / HTTP/1.0\r\n\r\n").head->is_head());
    CHECK_FALSE(read_head("head / HTTP/1.0\r\n\r\n").head->is_head());
}

TEST_CASE("a head that no scanner has seen is refused, not read beyond its end") {
    for (const std::string text :
         {"", "\r\n", "\r\n\r\n", "GET", "GET / HTTP/1.1", "GET /\r\n\r\n", "a\r\n\r"}) {
        CAPTURE(text);
        bytes scratch;
        CHECK(http::parse_request_head(as_bytes(text), scratch).has_error());
    }
}
