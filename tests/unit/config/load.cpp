// SPDX-License-Identifier: BSL-1.0
// Files as a whole: what cannot be read, what is not TOML, the order of what is reported.
#include "mistakes.hpp"
#include "snipass/handoff/sender.h"
#include "snipass/os/users.hpp"

#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace snipass::config;

TEST_CASE("parse: TOML syntax stops at the first error and says so") {
    const std::string rest_unchecked = "; nothing else in the file was checked";
    const auto row = GENERATE_COPY(values<mistakes_row>({
        {"no value",
         "[server]\nworkers =\n",
         {"2:10: error: no value behind the =; write one" + rest_unchecked}},
        {"a key twice",
         "[log]\naccess = true\naccess = true\n",
         {"3:10: error: \"access\" is there twice; leave out this one, or the one at line 2" +
          rest_unchecked}},
        {"a table twice",
         "[log]\n[server]\n[log]\n",
         {"3:1: error: [log] is there twice; write these keys below the one at line 1" + rest_unchecked}},
        {"a backend twice",
         "[backend.x]\n[backend.x]\n",
         {"2:1: error: [backend.x] is there twice; write these keys below the one at line 1, or give this "
          "one another name" +
          rest_unchecked}},
        {"single brackets beside double ones",
         "[[route]]\n[ route ] # one more\n",
         {"2:1: error: [route] beside the [[route]] at line 1; write [[route]] in both places, with double "
          "brackets" +
          rest_unchecked}},
        {"double brackets beside single ones",
         "[listener]\n[[listener]]\n",
         {"2:1: error: [[listener]] beside the [listener] at line 1; write [[listener]] in both places, with "
          "double brackets" +
          rest_unchecked}},
        {"double brackets of a table that there is once",
         "[server]\n[[server]]\n",
         {"2:1: error: [[server]] beside the [server] at line 1; write [server] once, with single brackets" +
          rest_unchecked}},
        {"an unclosed quote",
         "[[route]]\nnames = [\"a\", \"b] # c\nbackend = \"x\"\n",
         {"2:15: error: this string has no closing quote; write \" behind it, on the same line" +
          rest_unchecked}},
        {"an unclosed single quote at the end of the file",
         "a = '\\",
         {"1:5: error: this string has no closing quote; write ' behind it, on the same line" +
          rest_unchecked}},
        {"three quotes that nothing closes",
         "a = \"\"\"x\n\n",
         {"2:2: error: the file ends inside a string that began with three quotes; write three behind it" +
          rest_unchecked}},
        {"a control character",
         "a = \"\x01\"\n",
         {"1:6: error: a control character in a string; leave it out, or write it as \\uXXXX" +
          rest_unchecked}},
        {"an escape that there is not",
         "a = \"\\d\"\n",
         {"1:7: error: a backslash between double quotes begins an escape; write it twice, or write the "
          "string between single quotes" +
          rest_unchecked}},
        {"a word without quotes",
         "backend = blog # mine\n",
         {"1:11: error: a text stands between two straight quotes; write \"blog\"" + rest_unchecked}},
        {"a duration without quotes",
         "hold = 5s\n",
         {"1:8: error: a text stands between two straight quotes; write \"5s\"" + rest_unchecked}},
        {"an address without quotes",
         "address = 192.0.2.1:443\n",
         {"1:11: error: a text stands between two straight quotes; write \"192.0.2.1:443\"" +
          rest_unchecked}},
        {"typographic quotes",
         "a = \xe2\x80\x9cx\xe2\x80\x9d\n",
         {"1:5: error: a text stands between two straight quotes; write \"x\"" + rest_unchecked}},
        {"half a word of truth",
         "a = tru\n",
         {"1:5: error: a text stands between two straight quotes; write \"tru\", or true, or false" +
          rest_unchecked}},
        {"a number with a zero in front",
         "a = 01\n",
         {"1:7: error: a number with a 0 in front; leave the 0 out" + rest_unchecked}},
        {"a header that is not closed",
         "[[listener]\n",
         {"1:12: error: the brackets of a table's name do not match; write [[listener]]" + rest_unchecked}},
        {"no comma",
         "a = [\"b\" \"c\"]\n",
         {"1:10: error: a comma or a ] is missing before this; write a comma between two elements, and ] "
          "behind the last" +
          rest_unchecked}},
        {"an array that does not end",
         "a = [1,\n",
         {"1:9: error: an array that does not end; write ] behind its last element" + rest_unchecked}},
        {"no equals sign",
         "workers 2\n",
         {"1:9: error: no = behind the key; write KEY = VALUE" + rest_unchecked}},
        {"something behind the value",
         "a = \"b\",\n",
         {"1:8: error: something stands behind the value; write each key on a line of its own, and a comment "
          "behind #" +
          rest_unchecked}},
        {"a comment as in C",
         "// x\n",
         {"1:1: error: neither a key nor a [table]; write a comment behind #" + rest_unchecked}},
        {"bytes that are no UTF-8",
         "a = \"\xff\"\n",
         {"1:5: error: this is not UTF-8; save the file as UTF-8" + rest_unchecked}},
        {"what the TOML reader alone can name",
         "a = {b = 1\nc = 2}\n",
         {"1:11: error: TOML syntax: Error while parsing inline table: expected key or closing '}', saw "
          "'\\n'" +
          rest_unchecked}},
        {"nesting without an end",
         "a = " + std::string(10'000, '['),
         {"1:261: error: TOML syntax: Error while parsing value: exceeded maximum nested value depth of 256 "
          "(TOML_MAX_NESTED_VALUES)" +
          rest_unchecked}},
        {"a key that nests without an end",
         "\n" + std::string(2'000, 'a') + std::string(100'000, '.'),
         {"2:1: error: more than 1000 dots without a comma between them; write shorter keys, or break the "
          "line"}},
    }));
    check(row);
}

TEST_CASE("parse: many dots in a line of many names are fine") {
    std::string names;
    for (int i = 0; i < 2'000; ++i)
        names += "\"n" + std::to_string(i) + ".example\",";
    check({"2,000 names in a line", "[[route]]\nnames = [" + names + "]\nbackend = \"b\"\n" + rest, {}});
}

TEST_CASE("parse: diagnostics come in the order of the file, errors and warnings alike") {
    check(
        {"from all tables",
         R"([backend.b]
hold = 5
[backend.unused]
handoff = "unix:x"
[log]
levl = "info"
[[listener]]
address = ":443"
malformed = "default"
[server]
workers = true
)",
         {" warning: no [[route]] and no [default], so every client is closed; write a [[route]] with names "
          "and a backend",
          "1:1: error: backend.b: neither handoff nor proxy; write handoff = \"unix:/run/b.sock\" for a "
          "process on this machine, or proxy = [\"192.0.2.1:443\"]",
          "1:1: warning: backend.b: nothing leads to it; write it into a route, a sorry or [default], or "
          "leave it out",
          "2:8: error: backend.b.hold: expected a duration, not the integer 5; write \"5s\"",
          "3:1: warning: backend.unused: nothing leads to it; write it into a route, a sorry or [default], "
          "or leave it out",
          "4:11: error: backend.unused.handoff: \"unix:x\" is a relative path; write one from the root, "
          "such as \"unix:/run/x\"",
          "6:1: error: log.levl: unknown key; write \"level\"",
          "9:13: warning: listener.malformed: there is no [default], so these clients are closed; write "
          "\"close\", or a [default]",
          "11:11: error: server.workers: expected a whole number, not true; write one from 0 to 1024"}});
}

TEST_CASE("load: a file of any size") {
    char name[] = "/tmp/snipass-load-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    ::close(file);
    std::string names;
    for (int i = 0; i < 10'000; ++i)
        names += "\"n" + std::to_string(i) + ".example\",\n";
    std::ofstream{name} << "[[route]]\nnames = [" << names << "]\nbackend = \"b\"\n" << rest;
    const auto loaded = load(name, snipass::os::find_user);
    ::unlink(name);
    REQUIRE(loaded.value);
    CHECK(loaded.value->file == name);
    CHECK(loaded.value->table.size() == 10'000);
}

TEST_CASE("load: a file that cannot be read is a diagnostic") {
    const auto missing = load("/nonexistent/snipass.toml", snipass::os::find_user);
    CHECK_FALSE(missing.value);
    REQUIRE(missing.diagnostics.size() == 1);
    CHECK(missing.diagnostics[0].to_string("f") == "f: error: cannot be read: No such file or directory");
    const auto directory = load("/", snipass::os::find_user);
    CHECK_FALSE(directory.value);
    REQUIRE(directory.diagnostics.size() == 1);
    CHECK(directory.diagnostics[0].to_string("f") ==
          "f: error: cannot be read: it is a directory; write the name of a file");
    CHECK_FALSE(directory.was_read);
}

TEST_CASE("load: what is no regular file is not opened, which might never end") {
    char name[] = "/tmp/snipass-fifo-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    ::close(file);
    ::unlink(name);
    REQUIRE(::mkfifo(name, 0600) == 0);
    for (const std::string what : {static_cast<const char*>(name), "/dev/zero"}) {
        const auto loaded = load(what, snipass::os::find_user);
        CHECK_FALSE(loaded.value);
        REQUIRE(loaded.diagnostics.size() == 1);
        CHECK(
            loaded.diagnostics[0].to_string("f") ==
            "f: error: cannot be read: it is no regular file, so a reload could not read it again; write its "
            "content into a file");
    }
    ::unlink(name);
}

TEST_CASE("load: a file that is too large is not read") {
    char name[] = "/tmp/snipass-large-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    REQUIRE(::ftruncate(file, (256 << 20) + 1) == 0); // a hole
    ::close(file);
    const auto loaded = load(name, snipass::os::find_user);
    ::unlink(name);
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics[0].message ==
          "cannot be read: it has more than 256MiB, which no configuration needs; write the name of the "
          "configuration");
}

TEST_CASE("parse: a backend that is a handoff listener of the same file is a circle") {
    const std::string listener =
        "[[listener]]\naddress = \"handoff:/run/x\"\n[default]\nbackend = \"b\"\n[backend.b]\n";
    const std::string why =
        " is a listener of this file: its clients would go round for ever; write the path of "
        "another router, or of a backend";
    check({"by stream",
           listener + "handoff = \"unix:/run/x\"\n",
           {"5:1: error: backend.b.handoff: \"unix:/run/x\"" + why}});
    check({"by datagram",
           listener + "handoff = \"unix:/run/x.datagram\"\nprotocol = \"datagram\"\n",
           {"5:1: error: backend.b.handoff: \"unix:/run/x.datagram\"" + why}});
    check({"another one", listener + "handoff = \"unix:/run/xx\"\n", {}});
}

TEST_CASE("load: users are looked up, and one that is not there is a mistake") {
    char name[] = "/tmp/snipass-load-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    ::close(file);
    const auto load_with = [&](const std::string& users) {
        std::ofstream{name} << "[[listener]]\naddress = \"handoff:/run/x\"\nallowed_users = [" << users
                            << "]\n";
        return load(name, snipass::os::find_user);
    };
    const auto good = load_with("\"root\", \"4242\", 4243, \"unmapped\"");
    const auto bad = load_with("\"root\", \"no-such-user-here\"");
    ::unlink(name);
    REQUIRE(good.value);
    const auto& users = good.value->listeners.at(0).allowed_users;
    REQUIRE(users.size() == 4);
    CHECK(users[0].id == 0);
    CHECK(users[1].id == 4242);
    CHECK(users[2].id == 4243);
    CHECK(users[3].id == handoff_unmapped);
    CHECK_FALSE(bad.value);
    REQUIRE(bad.diagnostics.size() >= 1);
    CHECK(bad.diagnostics.back().to_string("f") == "f:3:26: error: listener.allowed_users: this machine has "
                                                   "no user \"no-such-user-here\"; write another "
                                                   "name, or a number");
}

TEST_CASE("load: a backend's user is looked up, too") {
    char name[] = "/tmp/snipass-load-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    ::close(file);
    const auto load_with = [&](const std::string& user) {
        std::ofstream{name}
            << "[[listener]]\naddress = \"[::]:443\"\n[backend.b]\nhandoff = \"unix:/run/x\"\n"
            << "user = " << user << "\n[default]\nbackend = \"b\"\n";
        return load(name, snipass::os::find_user);
    };
    const auto by_name = load_with("\"root\"");
    const auto by_number = load_with("4242");
    const auto unknown = load_with("\"no-such-user-here\"");
    ::unlink(name);
    REQUIRE(by_name.value);
    CHECK(by_name.value->backends.at(0).handoff()->owner() == 0U);
    REQUIRE(by_number.value);
    CHECK(by_number.value->backends.at(0).handoff()->owner() == 4242U);
    CHECK_FALSE(unknown.value);
    REQUIRE(unknown.diagnostics.size() == 1);
    CHECK(unknown.diagnostics[0].to_string("f") == "f:5:8: error: backend.b.user: this machine has no user "
                                                   "\"no-such-user-here\"; write another name, or a number");
}
