// SPDX-License-Identifier: BSL-1.0
// What a reload changes.
#include "snipass/config/changes.hpp"

#include "mistakes.hpp"

using namespace snipass::config;

namespace {

const std::string before = "[[listener]]\naddress = \"[::]:443\"\n"
                           "[backend.a]\nhandoff = \"unix:/run/a.sock\"\nhold = \"1s\"\n"
                           "[backend.b]\nproxy = [\"10.0.0.1:443\", \"10.0.0.2:443\"]\n"
                           "[[route]]\nnames = [\"a.example\", \"b.example\"]\nbackend = \"a\"\n"
                           "[[route]]\nsource = [\"192.0.2.0/24\"]\nbackend = \"b\"\n";

std::vector<std::string> changes_to(const std::string& text) {
    const auto old = parse(before, "f");
    const auto now = parse(text, "f");
    REQUIRE(old.value);
    REQUIRE(now.value);
    return changes(*old.value, *now.value);
}

std::string replaced(std::string from, std::string to) {
    auto text = before;
    REQUIRE(text.find(from) != text.npos);
    return text.replace(text.find(from), from.size(), to);
}

} // namespace

TEST_CASE("changes: what says the same is none, wherever it stands") {
    CHECK(changes_to(before).empty());
    CHECK(changes_to("# a line more\n" + before).empty());
    CHECK(changes_to(replaced("handoff = \"unix:/run/a.sock\"\nhold = \"1s\"\n",
                              "hold = \"1s\"\n\nhandoff = \"unix:/run/a.sock\"\n"))
              .empty());
}

TEST_CASE("changes: each key is one") {
    struct row {
        std::string from;
        std::string to;
        std::vector<std::string> expected;
    };
    const auto row = GENERATE(values<struct row>({
        {"\"1s\"", "\"2s\"", {"altered backend a"}},
        {"hold = \"1s\"\n", "", {"altered backend a"}},
        {"\"10.0.0.1:443\", \"10.0.0.2:443\"", "\"10.0.0.2:443\", \"10.0.0.1:443\"", {"altered backend b"}},
        {"\"b.example\"", "\"c.example\"", {"altered route a.example"}},
        {"\"192.0.2.0/24\"", "\"192.0.2.0/25\"", {"altered route of any name"}},
        {"\"a.example\", ", "", {"added route b.example", "removed route a.example"}},
        {"[::]:443\"\n", "[::]:443\"\nunmatched = \"close\"\n", {"altered listener [::]:443"}},
        {"[::]:443", "[::]:444", {"added listener [::]:444", "removed listener [::]:443"}},
        {"[[listener]]", "[log]\nlevel = \"debug\"\n[[listener]]", {"added [log]"}},
        {"[backend.b]", "[default]\nbackend = \"a\"\n[backend.b]", {"altered [default]"}},
    }));
    CAPTURE(row.from, row.to);
    CHECK(changes_to(replaced(row.from, row.to)) == row.expected);
}

TEST_CASE("changes: routes in another order are one") {
    const std::string first = "[[route]]\nnames = [\"a.example\", \"b.example\"]\nbackend = \"a\"\n";
    auto text = replaced(first, "") + first;
    CHECK(changes_to(text) == std::vector<std::string>{"altered the order of routes"});
    text = replaced(first, first + "[[route]]\nnames = [\"c.example\"]\nbackend = \"a\"\n");
    CHECK(changes_to(text) == std::vector<std::string>{"added route c.example"});
}

TEST_CASE("changes: a table that is there once is one") {
    const auto changed = [](const std::string& old, const std::string& now) {
        const auto from = parse(old + before, "f");
        const auto to = parse(now + before, "f");
        return changes(*from.value, *to.value);
    };
    const std::string log = "[log]\nlevel = \"debug\"\n";
    CHECK(changed(log, log).empty());
    CHECK(changed(log, "[log]\nlevel = \"warn\"\n") == std::vector<std::string>{"altered [log]"});
    CHECK(changed(log, "[server]\nworkers = 2\n") ==
          std::vector<std::string>{"added [server]", "removed [log]"});
}

TEST_CASE("changes: whoever reloads the router hears that snipass-tls has the file, too") {
    const std::string tls = "[tls]\ncertificates = \"/c\"\n";
    const auto from = parse(tls + before, "f");
    const auto to = parse(tls + before + "[log]\nlevel = \"warn\"\n", "f");
    REQUIRE(from.value);
    REQUIRE(to.value);
    CHECK(changes(*from.value, *from.value).empty());
    CHECK(changes(*from.value, *to.value) ==
          std::vector<std::string>{"added [log]",
                                   "snipass-tls reads the file for itself: systemctl reload snipass-tls"});
}

TEST_CASE("changes: two routes with one first name are two") {
    const std::string second = "[[route]]\nnames = [\"a.example\"]\nalpn = [\"h2\"]\nbackend = \"b\"\n";
    CHECK(changes_to(before + second) == std::vector<std::string>{"added route a.example #2"});
}

TEST_CASE("changes: of very many a thousand are listed, and how many more there are") {
    auto text = before;
    for (int i = 0; i < 1'005; ++i)
        text += "[[route]]\nnames = [\"site-" + std::to_string(i) + ".example\"]\nbackend = \"a\"\n";
    const auto found = changes_to(text);
    REQUIRE(found.size() == 1'001);
    CHECK(found.front() == "added route site-0.example");
    CHECK(found.back() == "and 5 more");
}
