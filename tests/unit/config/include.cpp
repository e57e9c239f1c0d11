// SPDX-License-Identifier: BSL-1.0
// Several files: what is read, in which order, and where a mistake is.
#include "handoff_sender.hpp"
#include "mistakes.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/config/explain.hpp"
#include "snipass/config/limits.hpp"
#include "snipass/os/users.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace snipass;
using namespace snipass::config;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;

namespace {

// files is a folder in which a test writes.
struct files {
    handoff_test::temporary_folder folder;

    [[nodiscard]] std::string path(const std::string& name) const { return folder.path / name; }
    void write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path{path(name)}.parent_path());
        std::ofstream{path(name)} << text;
    }
    [[nodiscard]] parsed load(const std::string& name = "snipass.toml") const {
        return config::load(path(name), os::find_user);
    }

    // problems are what is wrong, without the folder's name.
    [[nodiscard]] std::vector<std::string> problems() const {
        std::vector<std::string> found;
        for (const auto& one : load().diagnostics) {
            auto text = one.to_string(path("snipass.toml"));
            for (auto at = text.find(path("")); at != text.npos; at = text.find(path("")))
                text.erase(at, path("").size());
            found.push_back(text);
        }
        return found;
    }
};

const std::string all = "include = [\"routes.d/*.toml\"]\n";

std::string site(const std::string& name, const std::string& more = "") {
    return "[[route]]\nnames = [\"" + name + ".example.com\"]\nbackend = \"" + name + "\"\n[backend." + name +
           "]\nhandoff = \"unix:/run/" + name + ".sock\"\n" + more;
}

std::vector<std::string> names_of(const parsed& file) {
    REQUIRE(file.value);
    std::vector<std::string> names;
    for (const auto& one : file.value->backends)
        names.push_back(one.name);
    return names;
}

std::vector<std::string> list(std::initializer_list<std::string> these) {
    return these;
}

} // namespace

TEST_CASE("include: routes and backends of all files are one configuration, the file's own first") {
    const files in;
    in.write("snipass.toml", all + listener + site("own"));
    in.write("routes.d/20-b.toml", site("b", "sorry = \"a\"\n"));
    in.write("routes.d/10-a.toml", site("a"));
    in.write("routes.d/9-c.toml", site("c"));
    in.write("routes.d/.hidden.toml", "no TOML");
    in.write("routes.d/a.toml~", "no TOML");
    const auto file = in.load();
    CHECK(file.diagnostics.empty());
    CHECK(names_of(file) == list({"own", "a", "b", "c"})); // in the order of the bytes
    CHECK(file.value->routes.size() == 4);
    CHECK(file.value->included ==
          list({in.path("routes.d/10-a.toml"), in.path("routes.d/20-b.toml"), in.path("routes.d/9-c.toml")}));
    CHECK(file.value->routes[2].where.line == 1);
    CHECK(file.value->routes[2].where.file == 2);
    CHECK(file.value->file_of(file.value->routes[2].where) == in.path("routes.d/20-b.toml"));
}

TEST_CASE("include: patterns are taken in their order, each file once, and never the file itself") {
    const files in;
    in.write("snipass.toml", "include = [\"z.toml\", \"*.toml\", \"*/*/?.toml\"]\n" + listener);
    in.write("z.toml", site("z"));
    in.write("a.toml", site("a"));
    in.write("deep/er/x.toml", site("x"));
    CHECK(names_of(in.load()) == list({"z", "a", "x"}));
}

TEST_CASE("include: a single string will do, and a path from the root") {
    const files in;
    in.write("elsewhere/a.toml", site("a"));
    in.write("etc/snipass.toml", "include = \"" + in.path("elsewhere/*.toml") + "\"\n" + listener);
    CHECK(names_of(in.load("etc/snipass.toml")) == list({"a"}));
}

TEST_CASE("include: a pattern that nothing matches is fine where a folder waits for its files") {
    const files in;
    in.write("snipass.toml", all + rest);
    CHECK(in.problems() ==
          list({"snipass.toml:1:12: warning: include: no file is read: there is no folder routes.d"}));
    std::filesystem::create_directory(in.path("routes.d"));
    CHECK(in.problems().empty());
    in.write("routes.d/a.conf", "");
    CHECK(in.problems() == list({"snipass.toml:1:12: warning: include: no file is read: of those in routes.d "
                                 "none is called like \"routes.d/*.toml\""}));
}

TEST_CASE("include: a file that is named and not there is a mistake, where it is named") {
    const files in;
    in.write("snipass.toml", "include = [\"a.toml\",\n  \"gone.toml\"]\n" + listener);
    in.write("a.toml", site("a"));
    CHECK(in.problems() ==
          list({"snipass.toml:2:3: error: include: gone.toml cannot be read: No such file or directory"}));
}

TEST_CASE("include: a link that leads nowhere is a mistake") {
    const files in;
    in.write("snipass.toml", all + rest);
    in.write("routes.d/a.toml", site("a"));
    std::filesystem::create_symlink("gone", in.path("routes.d/b.toml"));
    CHECK(in.problems() ==
          list({"snipass.toml:1:12: error: include: routes.d/b.toml cannot be read: No such file "
                "or directory"}));
}

TEST_CASE("include: what may not be read is a mistake, and not an empty folder") {
    if (::geteuid() == 0) { // root may read everything
        const files in;
        in.write("snipass.toml", "include = [\"routes.d\"]\n" + rest);
        std::filesystem::create_directory(in.path("routes.d"));
        CHECK(in.problems() == list({"snipass.toml:1:12: error: include: routes.d cannot be read: it is a "
                                     "directory; write the name of a file"}));
        return;
    }
    const files in;
    in.write("snipass.toml", all + rest);
    in.write("routes.d/a.toml", site("a"));
    std::filesystem::permissions(in.path("routes.d"), std::filesystem::perms::none);
    CHECK_THAT(in.problems().at(0), EndsWith("cannot be read: Permission denied"));
    CHECK(in.load().denied.size() == 1);
    std::filesystem::permissions(in.path("routes.d"), std::filesystem::perms::owner_all);
}

TEST_CASE("include: mistakes in all files are found in one run, each with its file, line and column") {
    const files in;
    in.write("snipass.toml", all + listener + "[server]\nworkers = -1\n");
    in.write("routes.d/a.toml", "[[route]]\nnames = [\"a b\"]\nbackend = \"gone\"\n");
    in.write("routes.d/b.toml", "[backend.x]\nhandoff = 5\n");
    const auto found = in.problems();
    REQUIRE(found.size() >= 4);
    CHECK_THAT(found[0], ContainsSubstring("snipass.toml:5:11: error: server.workers: "));
    CHECK_THAT(found[1], ContainsSubstring("routes.d/a.toml:2:10: error: route.names: "));
    CHECK_THAT(found[2],
               ContainsSubstring("routes.d/a.toml:3:11: error: route.backend: there is no backend"));
    CHECK_THAT(found[3], ContainsSubstring("routes.d/b.toml:"));
    CHECK_FALSE(in.load().value);
}

TEST_CASE("include: a file's name stays on the line of what is said of it") {
    const files in;
    in.write("snipass.toml", all + listener);
    in.write("routes.d/a\nWATCHDOG=trigger\n\x1b[2J.toml", "[backend.x]\nhandoff = 5\n");
    const auto found = in.problems();
    std::string all_of_them;
    for (const auto& one : found) {
        CHECK(one.find('\n') == std::string::npos);
        all_of_them += one + "\n";
    }
    CHECK_THAT(all_of_them,
               ContainsSubstring("a\\u000AWATCHDOG=trigger\\u000A\\u001B[2J.toml:2:11: error: "));
}

TEST_CASE("include: what is no TOML is said of each file, and nothing that follows from it") {
    const files in;
    in.write("snipass.toml", all + listener + "[default]\nbackend = \"a\"\n");
    in.write("routes.d/a.toml", "\n[backend.a\nhandoff = \"unix:/a\"\n");
    in.write("routes.d/b.toml", "names = [\n");
    const auto found = in.problems();
    REQUIRE(found.size() == 2);
    CHECK_THAT(found[0], ContainsSubstring("routes.d/a.toml:2:"));
    CHECK_THAT(found[1], ContainsSubstring("routes.d/b.toml:1:"));
}

TEST_CASE("include: one name for two backends is said with both places") {
    const files in;
    in.write("routes.d/a.toml", site("a"));
    SECTION("of two included files") {
        in.write("snipass.toml", all + listener);
        in.write("routes.d/b.toml", "\n[backend.a]\nhandoff = \"unix:/run/other.sock\"\n");
        CHECK(in.problems() == list({"routes.d/b.toml:2:10: error: backend.a: there is one of this name at "
                                     "routes.d/a.toml:4; write another name, or leave one of them out"}));
    }
    SECTION("of the file itself and one that it includes") {
        in.write("snipass.toml", all + listener + "[backend.a]\nhandoff = \"unix:/run/other.sock\"\n");
        CHECK(in.problems() == list({"routes.d/a.toml:4:10: error: backend.a: there is one of this name at "
                                     "snipass.toml:4; write another name, or leave one of them out"}));
    }
}

TEST_CASE("include: one name in routes of two files is said with both places") {
    const files in;
    in.write("snipass.toml", all + listener);
    in.write("routes.d/a.toml", site("a"));
    in.write("routes.d/b.toml",
             "[[route]]\nnames = [\"b.example.com\",\n\"a.example.com\"]\nbackend = \"a\"\n");
    CHECK(in.problems() ==
          list({"routes.d/b.toml:3:1: warning: route.names: \"a.example.com\" never comes here: the route at "
                "routes.d/a.toml:1 has it without any condition; write it into one of them"}));
}

TEST_CASE("include: a route is not told to stand above what is in another file") {
    const files in;
    in.write("snipass.toml", all + listener);
    in.write("routes.d/a.toml", site("a"));
    in.write("routes.d/b.toml", "[[route]]\nnames = [\"a.example.com\"]\nbackend = \"a\"\n");
    CHECK(
        in.problems() ==
        list({"routes.d/b.toml:1:1: warning: route: can never win: the route at routes.d/a.toml:1 has "
              "\"a.example.com\" without any condition; write this route into that file, above it, or leave "
              "it out"}));
}

TEST_CASE("include: an included file has routes and backends, and includes no other") {
    const files in;
    in.write("snipass.toml", all + rest);
    in.write("routes.d/a.toml",
             "include = [\"more/*.toml\"]\nzzzzzzzz = 1\n[server]\nworkers = 1\n[[listener]]\naddress = "
             "\":1\"\n[[routes]]\nnames = [\"a\"]\n");
    CHECK(in.problems() ==
          list({"routes.d/a.toml:1:1: error: include: a file that is included includes no other; write it "
                "into the file "
                "that includes this one",
                "routes.d/a.toml:2:1: error: zzzzzzzz: unknown; known here: [[route]], [backend.NAME]",
                "routes.d/a.toml:3:2: error: server: a file that is included has routes and backends only; "
                "write "
                "[server] into the file that includes this one",
                "routes.d/a.toml:5:3: error: listener: a file that is included has routes and backends only; "
                "write "
                "[[listener]] into the file that includes this one",
                "routes.d/a.toml:7:3: error: routes: unknown; write [[route]]"}));
}

TEST_CASE("include: what is no name of a file") {
    struct row {
        std::string value;
        std::string problem;
    };
    const files in;
    const auto row = GENERATE(values<struct row>({
        {"5", "snipass.toml:1:11: error: include: expected the name of a file in quotes, not the integer 5; "
              "write one "
              "such as \"routes.d/*.toml\""},
        {"[\"\"]", "snipass.toml:1:12: error: include: this is no name of a file; write one such as "
                   "\"routes.d/*.toml\""},
        {"[\"a\\u0000b\"]", "snipass.toml:1:12: error: include: this is no name of a file; write one such as "
                            "\"routes.d/*.toml\""},
        {"\"snipass.toml\"",
         "snipass.toml:1:11: error: include: snipass.toml is this file itself; leave it out"},
    }));
    in.write("snipass.toml", "include = " + row.value + "\n" + rest);
    CHECK(in.problems() == list({row.problem}));
}

TEST_CASE("include: below a table it is that table's, which is said") {
    check({"at the end of the file",
           rest + "include = [\"a.toml\"]\n",
           {"7:1: error: default.include: unknown key; write it above the first table of the file"}});
}

TEST_CASE("include: misspelt") {
    check({"in the plural",
           "includes = [\"a.toml\"]\n" + rest,
           {"1:1: error: includes: unknown; write include = [...]"}});
}

TEST_CASE("include: explain names the file of a route and of a backend") {
    const files in;
    in.write("snipass.toml", all + listener);
    in.write("routes.d/a.toml", site("a"));
    const auto file = in.load();
    REQUIRE(file.value);
    const auto text = *explain(*file.value, {.host_name = "a.example.com"}).value;
    CHECK_THAT(text, ContainsSubstring("route at " + in.path("routes.d/a.toml") + ":1 "));
    CHECK_THAT(text, ContainsSubstring("(" + in.path("routes.d/a.toml") + ":4"));
}

TEST_CASE("include: snipass-tls has the routes and backends of all files") {
    const files in;
    in.write("snipass.toml", all + listener + "[tls]\ncertificates = [\"/etc/x\"]\n");
    in.write("routes.d/a.toml", site("a", "tls = \"terminate\"\n"));
    const auto router = load(in.path("snipass.toml"), os::find_user, part::router);
    const auto tls = load(in.path("snipass.toml"), os::find_user, part::tls);
    REQUIRE(router.value);
    REQUIRE(tls.value);
    CHECK(tls.value->backends.at(0).handoff()->paths == list({"/run/a.sock"}));
    CHECK(router.value->backends.at(0).handoff()->paths == list({router.value->tls->handoff_path}));
    CHECK(tls.value->included == router.value->included);
}

TEST_CASE("include: too many files are one mistake") {
    const files in;
    in.write("snipass.toml", all + listener);
    in.write("empty", "");
    std::filesystem::create_directory(in.path("routes.d"));
    for (std::size_t i = 0; i < limits::included_files + 3; ++i)
        std::filesystem::create_symlink("../empty", in.path("routes.d/" + std::to_string(i) + ".toml"));
    const auto found = in.load().diagnostics;
    REQUIRE(std::ranges::count(found, severity::error, &diagnostic::level) == 1);
    CHECK_THAT(std::ranges::find(found, severity::error, &diagnostic::level)->message,
               ContainsSubstring("include: more than 100000 files"));
}

TEST_CASE("include: a hundred files with a hundred routes each") {
    const files in;
    in.write("snipass.toml", all + listener);
    for (int file = 0; file < 100; ++file) {
        std::string text;
        for (int route = 0; route < 100; ++route)
            text += "[[route]]\nnames = [\"n" + std::to_string(file * 100 + route) +
                    ".example\"]\nbackend = \"b" + std::to_string(file) + "\"\n";
        in.write("routes.d/" + std::to_string(file) + ".toml",
                 text + "[backend.b" + std::to_string(file) + "]\nhandoff = \"unix:/b\"\n");
    }
    const auto file = in.load();
    CHECK(file.diagnostics.empty());
    REQUIRE(file.value);
    CHECK(file.value->table.size() == 10'000);
}
