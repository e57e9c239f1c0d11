// SPDX-License-Identifier: BSL-1.0
#include "snipass/base/quoted.hpp"

#include "catch.hpp"

using snipass::in_ascii_quotes;
using snipass::in_quotes;
using snipass::on_one_line;

TEST_CASE("in_quotes writes a TOML string on one line") {
    CHECK(in_quotes("blog") == R"("blog")");
    CHECK(in_quotes("") == R"("")");
    CHECK(in_quotes(R"(/\d"/)") == R"("/\\d\"/")");
    CHECK(in_quotes("a\nb\x1b\x7f") == R"("a\u000Ab\u001B\u007F")");
    CHECK(in_quotes("b\xc3\xbc-") == "\"b\xc3\xbc-\"");
}

TEST_CASE("on_one_line leaves all but control characters") {
    CHECK(on_one_line("a \"b\" \\ c") == "a \"b\" \\ c");
    CHECK(on_one_line(std::string("a\r\n\0b", 5)) == "a\\u000D\\u000A\\u0000b");
}

TEST_CASE("in_ascii_quotes leaves printable ASCII only") {
    CHECK(in_ascii_quotes("a \"b\" ~") == R"("a \"b\" ~")");
    CHECK(in_ascii_quotes("\x7f\x80\xff\n") == R"("\u007F\u0080\u00FF\u000A")");
}
