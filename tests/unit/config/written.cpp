#include "snipass/config/written.hpp"

#include "catch.hpp"

using snipass::config::quoted;

TEST_CASE("quoted writes a TOML string on one line") {
    CHECK(quoted("blog") == R"("blog")");
    CHECK(quoted("") == R"("")");
    CHECK(quoted(R"(/\d"/)") == R"("/\\d\"/")");
    CHECK(quoted("a\nb\x1b\x7f") == R"("a\u000Ab\u001B\u007F")");
    CHECK(quoted("b\xc3\xbc"
                 "cher") == "\"b\xc3\xbc"
                            "cher\"");
}
