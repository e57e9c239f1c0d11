// SPDX-License-Identifier: BSL-1.0
// [control]: what it may say, and what an admin is told who says something else.
#include "mistakes.hpp"
#include "snipass/config/part.hpp"

using namespace snipass::config;

TEST_CASE("control: without the table the socket is at the default path, where its folder is") {
    const auto parsed = parse(rest, "f");
    REQUIRE(parsed.value);
    CHECK(parsed.value->control.path == "/run/snipass/control.sock");
    CHECK(!parsed.value->control.is_given);
}

TEST_CASE("control: a path, or none") {
    const auto given = parse("[control]\npath = \"/run/other/c.sock\"\n" + rest, "f");
    REQUIRE(given.value);
    CHECK(given.value->control.path == "/run/other/c.sock");
    CHECK(given.value->control.is_given);
    const auto none = parse("[control]\npath = \"none\"\n" + rest, "f");
    REQUIRE(none.value);
    CHECK(none.value->control.path.empty());
    CHECK(none.value->control.is_given);
}

TEST_CASE("control: a file with mistakes elsewhere says where the router is asked") {
    const auto parsed =
        parse("[control]\npath = \"/run/other/c.sock\"\n[server]\nworkers = \"x\"\n" + rest, "f");
    CHECK(!parsed.value);
    CHECK(parsed.control.path == "/run/other/c.sock");
}

TEST_CASE("control: snipass-tls has none") {
    configuration whole;
    whole.tls.emplace();
    keep(whole, part::tls);
    CHECK(whole.control.path.empty());
}

TEST_CASE("mistakes in [control]") {
    check(GENERATE(values<mistakes_row>({
        {"an address",
         "[control]\npath = \"unix:/run/c.sock\"\n" + rest,
         {"2:8: error: control.path: \"unix:/run/c.sock\" is an address; write the path alone, "
          "\"/run/c.sock\""}},
        {"a path that is not absolute",
         "[control]\npath = \"c.sock\"\n" + rest,
         {"2:8: error: control.path: \"c.sock\" is no absolute path; write one such as "
          "\"/run/snipass/control.sock\", "
          "or \"none\""}},
        {"a number",
         "[control]\npath = 1\n" + rest,
         {"2:8: error: control.path: expected a path in quotes, not the integer 1; write one such as "
          "\"/run/snipass/control.sock\""}},
        {"another key",
         "[control]\npaht = \"/run/c.sock\"\n" + rest,
         {"2:1: error: control.paht: unknown key; write \"path\""}},
        {"what the log has",
         "[control]\npath = \"/run/c.sock\"\n[log]\nfile = \"/run/c.sock\"\n" + rest,
         {"4:8: error: log.file: \"/run/c.sock\" is the socket of a listener, [metrics] or [control]; write "
          "another path"}},
        {"what [metrics] has",
         "[control]\npath = \"/run/c.sock\"\n[metrics]\naddress = \"unix:/run/c.sock\"\n" + rest,
         {"2:8: error: control.path: \"/run/c.sock\" is what a listener or [metrics] has; write another "
          "path"}},
    })));
}
