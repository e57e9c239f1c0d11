// SPDX-License-Identifier: BSL-1.0
#include "snipass/http/answer.hpp"

#include "catch.hpp"

#include <string>

using namespace snipass::http;
using namespace std::chrono_literals;

namespace {

constexpr sys_seconds then = std::chrono::sys_days{std::chrono::year{1994} / 11 / 6} + 8h + 49min + 37s;

} // namespace

TEST_CASE("a refusal is a status, a line of text and the end of the connection") {
    CHECK(write_answer({.status = 404, .text = "no such site here"}, then) ==
          "HTTP/1.1 404 Not Found\r\n"
          "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
          "Content-Type: text/plain\r\n"
          "Content-Length: 18\r\n"
          "Connection: close\r\n"
          "\r\n"
          "no such site here\n");
}

TEST_CASE("a redirect says where to") {
    const auto text = write_answer({.status = 308, .location = "https://a.example/x?y"}, then);
    CHECK(text.starts_with("HTTP/1.1 308 Permanent Redirect\r\n"));
    CHECK(text.find("\r\nLocation: https://a.example/x?y\r\n") != std::string::npos);
    CHECK(text.ends_with("\r\n\r\nPermanent Redirect\n"));
}

TEST_CASE("an answer to HEAD has the length of the body, and no body") {
    const auto text = write_answer({.status = 400, .text = "no", .to_head = true}, then);
    CHECK(text.find("Content-Length: 3\r\n") != std::string::npos);
    CHECK(text.ends_with("\r\n\r\n"));
}

TEST_CASE("a status that has no words of ours is well-formed all the same") {
    CHECK(write_answer({.status = 499, .text = "no"}, then).starts_with("HTTP/1.1 499 \r\nDate: "));
}

TEST_CASE("a date is in two digits, and in English") {
    CHECK(write_date(sys_seconds{}) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(write_date(then) == "Sun, 06 Nov 1994 08:49:37 GMT"); // RFC 9110 section 5.6.7
    CHECK(write_date(std::chrono::sys_days{std::chrono::year{2028} / 2 / 29} + 23h + 59min + 59s) ==
          "Tue, 29 Feb 2028 23:59:59 GMT");
}

TEST_CASE("a redirect of GET and HEAD is one that old clients know, of others one that repeats the body") {
    CHECK(redirect_status("GET") == 301);
    CHECK(redirect_status("HEAD") == 301);
    CHECK(redirect_status("POST") == 308);
    CHECK(redirect_status("get") == 308);
}
