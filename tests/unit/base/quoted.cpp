#include "snipass/base/quoted.hpp"

#include "catch.hpp"

using snipass::on_one_line;
using snipass::quoted;

TEST_CASE("quoted writes a TOML string on one line") {
    CHECK(quoted("blog") == R"("blog")");
    CHECK(quoted("") == R"("")");
    CHECK(quoted(R"(/\d"/)") == R"("/\\d\"/")");
    CHECK(quoted("a\nb\x1b\x7f") == R"("a\u000Ab\u001B\u007F")");
    CHECK(quoted("b\xc3\xbc-") == "\"b\xc3\xbc-\"");
}

TEST_CASE("on_one_line leaves all but control characters") {
    CHECK(on_one_line("a \"b\" \\ c") == "a \"b\" \\ c");
    CHECK(on_one_line(std::string("a\r\n\0b", 5)) == "a\\u000D\\u000A\\u0000b");
}
