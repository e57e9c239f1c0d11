// SPDX-License-Identifier: BSL-1.0
#include "snipass/telling/escape.hpp"

#include "catch.hpp"

using namespace snipass;
using std::chrono::milliseconds;
using std::chrono::system_clock;

namespace {

std::string json(std::string_view text) {
    std::string made = "before ";
    server::append_json(made, text);
    return made;
}

std::string rfc_3339(long long milliseconds_since_1970) {
    std::string made;
    server::append_time(made, system_clock::time_point{milliseconds{milliseconds_since_1970}});
    return made;
}

} // namespace

TEST_CASE("append_json: printable ASCII is itself, quotes and backslashes are escaped") {
    CHECK(json("") == R"(before "")");
    CHECK(json("www.example.com") == R"(before "www.example.com")");
    CHECK(json(R"(a"b\c)") == R"(before "a\"b\\c")");
    CHECK(json(" ~") == R"(before " ~")");
}

TEST_CASE("append_json: every other byte is \\u00XX, each for itself") {
    const std::string digits = "0123456789abcdef";
    for (unsigned byte = 0; byte < 256; ++byte) {
        if (byte >= 0x20 && byte < 0x7f)
            continue;
        CAPTURE(byte);
        const auto expected = std::string{"before \"\\u00"} + digits[byte / 16] + digits[byte % 16] + "\"";
        CHECK(json(std::string(1, static_cast<char>(byte))) == expected);
    }
    CHECK(json("\xc3\xa4") == R"(before "\u00c3\u00a4")"); // UTF-8 too
}

TEST_CASE(
    "append_cut: a stranger's text has at most 256 bytes between its quotes, whole escapes and a mark") {
    const auto cut = [](std::string_view text) {
        std::string made;
        server::append_cut(made, text);
        return made.substr(1, made.size() - 2);
    };
    CHECK(cut("www.example.com") == "www.example.com");
    CHECK(cut(std::string(256, 'a')) == std::string(256, 'a'));
    CHECK(cut(std::string(257, 'a')) == std::string(253, 'a') + "...");
    std::string controls;
    for (int i = 0; i < 42; ++i)
        controls += "\\u0001";
    CHECK(cut(std::string(42, '\1')) == controls); // 252 bytes
    CHECK(cut(std::string(43, '\1')) == controls + "...");
    CHECK(cut(std::string(42, '\1') + "abcd") == controls + "abcd");
    CHECK(cut(std::string(42, '\1') + "abcde") == controls + "a...");
    CHECK(cut(std::string(300, '"')).size() == 255); // 126 escapes of two, and the mark
}

TEST_CASE("append_time: RFC 3339 in UTC, with milliseconds") {
    CHECK(rfc_3339(0) == "1970-01-01T00:00:00.000Z");
    CHECK(rfc_3339(7) == "1970-01-01T00:00:00.007Z");
    CHECK(rfc_3339(1'000'000'000'042) == "2001-09-09T01:46:40.042Z");
    CHECK(rfc_3339(1'709'251'199'999) == "2024-02-29T23:59:59.999Z");
}
