// SPDX-License-Identifier: BSL-1.0
// Files as a whole: what cannot be read, what is not TOML, the order of what is reported.
#include "descriptor_limit.hpp"
#include "handoff_sender.hpp"
#include "mistakes.hpp"
#include "snipass/handoff/sender.h"
#include "snipass/os/error.hpp"
#include "snipass/os/users.hpp"

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace snipass::config;

TEST_CASE("parse: many dots in a line of many names are fine") {
    std::string names;
    for (int i = 0; i < 2'000; ++i)
        names += "\"n" + std::to_string(i) + ".example\",";
    check({"2,000 names in a line", "[[route]]\nnames = [" + names + "]\nbackend = \"b\"\n" + rest, {}});
}

TEST_CASE("parse: diagnostics come in the order of the file, errors and warnings alike") {
    check({"from all tables",
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
           {"1:1: error: backend.b: neither handoff nor proxy; write handoff = \"unix:/run/b.sock\" for a "
            "process on this machine, or proxy = [\"192.0.2.1:443\"]",
            "1:1: warning: backend.b: nothing leads to it; write it into a route, a sorry or [default], or "
            "leave it out",
            "2:8: error: backend.b.hold: expected a duration, not the integer 5; write \"5s\"",
            "3:1: warning: backend.unused: nothing leads to it; write it into a route, a sorry or [default], "
            "or leave it out",
            "4:11: error: backend.unused.handoff: \"unix:x\" is a relative path; write one from the root, "
            "such as \"unix:/run/x\"",
            "6:1: error: log.levl: unknown key; write \"level\"",
            "8:11: warning: no [[route]] and no [default], so every client is closed; write a [[route]] with "
            "names and a backend",
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

TEST_CASE("load: that descriptors have run out is no mistake in the file") {
    char name[] = "/tmp/snipass-load-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    ::close(file);
    std::ofstream{name} << "no file for a router";
    const auto load_it = [&name] { return load(name, snipass::os::find_user); };
    const auto loaded = [&] {
        const snipass::testing::descriptor_limit none{0};
        return load_it();
    }();
    CHECK_FALSE(loaded.value);
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics[0].to_string("f") ==
          "f: error: cannot be read: Too many open files; let it have more descriptors (LimitNOFILE= of its "
          "unit, ulimit -n, sysctl fs.file-max)");
    CHECK_FALSE(loaded.is_mistaken());
    CHECK(load_it().is_mistaken());
    ::unlink(name);
    CHECK(load_it().is_mistaken());
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

// Who may write the folder can do so at the worst time. Without O_NONBLOCK this hangs.
TEST_CASE("load: a FIFO that comes into the place of a file is not waited for") {
    const handoff_test::temporary_folder made;
    const std::string folder = made.path;
    const auto a = folder + "/a.toml";
    std::atomic<bool> done = false;
    REQUIRE(::mkfifo((folder + "/fifo").c_str(), 0600) == 0);
    std::ofstream{folder + "/file"} << "no file for a router";
    std::jthread neighbour{[&] {
        while (!done)
            for (const auto* const from : {"/file", "/fifo"}) {
                ::unlink((folder + "/next").c_str());
                (void)::link((folder + from).c_str(), (folder + "/next").c_str());
                (void)::rename((folder + "/next").c_str(), a.c_str());
                ::unlink(a.c_str());
                (void)::link((folder + from).c_str(), a.c_str());
            }
    }};
    for (int i = 0; i < 20'000; ++i)
        CHECK_FALSE(load(a, snipass::os::find_user).value);
    done = true;
    neighbour.join();
}

TEST_CASE("load: a log is no file of the configuration") {
    const handoff_test::temporary_folder made;
    const std::string folder = made.path;
    const auto file = folder + "/snipass.toml";
    std::ofstream{file} << "[[listener]]\naddress = \"127.0.0.1:0\"\n[log]\nfile = \"" << folder
                        << "/./snipass.toml\"\n";
    const auto loaded = load(file, snipass::os::find_user);
    REQUIRE(loaded.diagnostics.size() == 2);
    CHECK(loaded.diagnostics[1].to_string("f") == "f:4:8: error: log.file: \"" + folder +
                                                      "/./snipass.toml\" is a file of this configuration; "
                                                      "write another");
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
           {"6:11: error: backend.b.handoff: \"unix:/run/x\"" + why}});
    check({"by datagram",
           listener + "handoff = \"unix:/run/x.datagram\"\nprotocol = \"datagram\"\n",
           {"6:11: error: backend.b.handoff: \"unix:/run/x.datagram\"" + why}});
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

TEST_CASE("load: users are looked up beside other mistakes, so that one run tells all") {
    char name[] = "/tmp/snipass-load-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    ::close(file);
    std::ofstream{name} << "[[listener]]\naddress = \"handoff:/run/x\"\nallowed_users = [\"nosuch\"]\n"
                        << "[backend.b]\nhandoff = \"unix:/run/b\"\nuser = \"nosuch\"\n"
                        << "[default]\nbackend = \"aa\"\n";
    const auto loaded = load(name, [](const std::string&) -> snipass::result<std::optional<std::uint32_t>> {
        return std::optional<std::uint32_t>{};
    });
    ::unlink(name);
    CHECK_FALSE(loaded.value);
    REQUIRE(loaded.diagnostics.size() == 3);
    CHECK(loaded.diagnostics[0].to_string("f").starts_with("f:3:18: error: listener.allowed_users: "));
    CHECK(loaded.diagnostics[1].to_string("f").starts_with("f:6:8: error: backend.b.user: "));
    CHECK(loaded.diagnostics[2].to_string("f").starts_with("f:8:11: error: default.backend: "));
}

TEST_CASE("load: a user that cannot be looked up is another mistake than one that there is not") {
    char name[] = "/tmp/snipass-load-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    ::close(file);
    std::ofstream{name} << "[[listener]]\naddress = \"handoff:/run/x\"\nallowed_users = [\"app\", 4242]\n";
    const auto loaded = load(name, [](const std::string&) -> snipass::result<std::optional<std::uint32_t>> {
        return snipass::os::make_error(EMFILE);
    });
    ::unlink(name);
    CHECK_FALSE(loaded.value);
    REQUIRE(loaded.diagnostics.size() >= 1);
    CHECK_FALSE(loaded.is_mistaken());
    CHECK(loaded.diagnostics.back().to_string("f") ==
          "f:3:18: error: listener.allowed_users: the user \"app\" cannot be looked up: Too many open files; "
          "write the number that \"id -u\" prints for this name");
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

TEST_CASE("load: each program looks up the users that are its own") {
    char name[] = "/tmp/snipass-load-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    ::close(file);
    std::ofstream{name} << "[[listener]]\naddress = \"handoff:/run/x\"\nallowed_users = [\"other\"]\n"
                        << "[backend.a]\nhandoff = \"unix:/run/a\"\nuser = \"a\"\n"
                        << "[backend.b]\nhandoff = \"unix:/run/b\"\nuser = \"b\"\ntls = \"terminate\"\n"
                        << "[default]\nbackend = \"a\"\n[tls]\ncertificates = [\"/etc/c\"]\n";
    const auto asked = [&name](part which) {
        std::string all;
        const auto loaded = load(
            name,
            [&all](const std::string& user) -> snipass::result<std::optional<std::uint32_t>> {
                all += user + " ";
                return std::optional<std::uint32_t>{4242};
            },
            which);
        CHECK(loaded.value);
        return all;
    };
    CHECK(asked(part::router) == "other a ");
    CHECK(asked(part::tls) == "snipass b ");
    CHECK(asked(part::whole) == "other snipass a b ");
    ::unlink(name);
}
