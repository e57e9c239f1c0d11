// SPDX-License-Identifier: BSL-1.0
// Where lines go besides standard error: a file for sessions, and systemd's journal.
#include "captured_stderr.hpp"
#include "catch.hpp"
#include "handoff_sender.hpp"
#include "run_coroutine.hpp"
#include "same_descriptors.hpp"
#include "scarce_memory.hpp"
#include "snipass/os/error.hpp"
#include "snipass/telling/access_log.hpp"
#include "snipass/telling/log.hpp"
#include "tcp_client.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using config::log_level;
using server::log_target;

namespace {

std::string content(const std::string& file) {
    std::ifstream in{file};
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

void wait_until(const std::function<bool()>& done) {
    const auto end = net::clock::now() + patience;
    while (!done() && net::clock::now() < end)
        std::this_thread::sleep_for(1ms);
    CHECK(done());
}

// file_fixture has a log whose sessions go to a file.
struct file_fixture {
    same_descriptors check;
    captured_stderr captured;
    handoff_test::temporary_folder folder;
    config::log_settings settings;
    std::unique_ptr<server::log> log;

    [[nodiscard]] std::string path(const char* name = "access.log") const { return folder.path / name; }

    void start(const std::string& file) {
        settings.file = file;
        log = std::make_unique<server::log>(settings);
        use(file);
    }
    void use(const std::string& file) {
        settings.file = file;
        REQUIRE_FALSE(log->prepare(settings));
        log->configure(settings);
    }
    void add(const std::string& line) const {
        log->write_lines(line + "\n", log->target_of_sessions(settings));
    }
    void add_and_wait(const std::string& line, const std::string& file) const {
        add(line);
        wait_until([&] { return content(file).ends_with(line + "\n"); });
    }
    std::string events() {
        log.reset();
        return captured.text();
    }
};

// journal is a socket as systemd's.
struct journal {
    handoff_test::temporary_folder folder;
    std::string path = folder.path / "socket";
    os::unique_fd fd = open();

    [[nodiscard]] os::unique_fd open() const {
        os::unique_fd made{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        const auto address = handoff_test::unix_address(path);
        REQUIRE(::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        return made;
    }
    [[nodiscard]] std::string entry() const {
        REQUIRE(is_readable(fd.get()));
        std::string text(65'536, '\0');
        text.resize(static_cast<std::size_t>(::recv(fd.get(), text.data(), text.size(), 0)));
        return text;
    }
};

config::log_settings to_journal() {
    config::log_settings made;
    made.journal = true;
    return made;
}

server::record example() {
    server::record one;
    one.outcome = server::outcome::handed_off;
    one.client = *ip_endpoint::parse("192.0.2.1:5000");
    one.listener = "[::]:443";
    one.backend = "blog";
    return one;
}

} // namespace

TEST_CASE("log targets: sessions go to the file, and events to standard error") {
    file_fixture test;
    test.start(test.path());
    test.add("one");
    test.log->write(log_level::info, "event");
    test.add("two");
    CHECK_THAT(test.events(), ContainsSubstring("info event\n") && !ContainsSubstring("one"));
    CHECK(content(test.path()) == "one\ntwo\n");
    CHECK((std::filesystem::status(test.path()).permissions() & std::filesystem::perms::others_all) ==
          std::filesystem::perms::none);
}

TEST_CASE("log targets: a line in a file has its time, though standard error be the journal's") {
    file_fixture test;
    test.start(test.path());
    net::event_loop loop;
    {
        server::access_log access{loop, *test.log};
        access.configure(test.settings);
        auto one = example();
        access.add(one);
    }
    test.log.reset();
    CHECK_THAT(content(test.path()), ContainsSubstring("Z session handed_off client=192.0.2.1:5000 "));
}

TEST_CASE("log targets: what is there is appended to") {
    file_fixture test;
    std::ofstream{test.path()} << "before\n";
    test.start(test.path());
    test.add("after");
    test.log.reset();
    CHECK(content(test.path()) == "before\nafter\n");
}

TEST_CASE("log targets: reopened, a file that was renamed gets no more lines") {
    file_fixture test;
    test.start(test.path());
    test.add_and_wait("one", test.path());
    std::filesystem::rename(test.path(), test.path("old"));
    test.add_and_wait("two", test.path("old")); // until then it does
    const auto which = test.log->reopen().value();
    wait_until([&] { return test.log->reopened(which).has_value(); });
    CHECK_FALSE(*test.log->reopened(which));
    CHECK(std::filesystem::exists(test.path()));
    test.add("three");
    test.log.reset();
    CHECK(content(test.path("old")) == "one\ntwo\n");
    CHECK(content(test.path()) == "three\n");
}

TEST_CASE("log targets: a file that cannot be reopened is told, and lines go on into the one before") {
    file_fixture test;
    std::filesystem::create_directory(test.path("in"));
    test.start(test.path("in/access.log"));
    test.add_and_wait("one", test.path("in/access.log"));
    std::filesystem::rename(test.path("in"), test.path("out"));
    const auto which = test.log->reopen().value();
    test.add_and_wait("two", test.path("out/access.log"));
    CHECK(test.log->reopened(which) == os::make_error(ENOENT));
    CHECK_THAT(test.events(), ContainsSubstring("the log's file cannot be opened") &&
                                  ContainsSubstring("why=\"No such file or directory\""));
}

TEST_CASE("log targets: a full disk loses lines, which are counted and told, and nothing else") {
    file_fixture test;
    test.start("/dev/full");
    test.add("one\ntwo");
    wait_until([&] { return test.log->dropped() == 2; });
    test.log->write(log_level::info, "event");
    CHECK_THAT(test.events(),
               ContainsSubstring("warn log lines were lost: /dev/full could not be written to lines=2 "
                                 "why=\"No space left on device\"\n") &&
                   ContainsSubstring("info event\n"));
}

TEST_CASE("log targets: once there is room again lines are written again") {
    file_fixture test;
    test.start(test.path());
    test.add_and_wait("one", test.path());
    test.use("/dev/full");
    test.add("lost");
    wait_until([&] { return test.log->dropped() == 1; });
    test.use(test.path()); // there is room again
    test.add("two");
    test.log.reset();
    CHECK(content(test.path()) == "one\ntwo\n");
}

TEST_CASE("log targets: a file that cannot be opened is an error before it is used") {
    file_fixture test;
    test.start(test.path());
    auto next = test.settings;
    next.file = test.path("gone/access.log");
    CHECK(test.log->prepare(next).value() == ENOENT);
    next.file = "/proc/self/mem/x";
    CHECK(test.log->prepare(next).value() == ENOTDIR);
    test.add("one"); // the file before goes on
    test.log.reset();
    CHECK(content(test.path()) == "one\n");
}

TEST_CASE("log targets: a reload to another file, and to none") {
    file_fixture test;
    test.start(test.path());
    test.add_and_wait("one", test.path());
    test.use(test.path("other"));
    test.add_and_wait("two", test.path("other"));
    test.log->write_lines("late\n", log_target::file); // of a worker that has not heard yet
    wait_until([&] { return content(test.path("other")) == "two\nlate\n"; });
    test.use("");
    CHECK(test.log->target_of_sessions(test.settings) == log_target::standard_error);
    test.add("three");
    CHECK_THAT(test.events(), ContainsSubstring("three\n"));
    CHECK(content(test.path()) == "one\n");
}

TEST_CASE("log targets: events and sessions are entries of the journal, with fields") {
    const same_descriptors check;
    const journal there;
    captured_stderr captured;
    {
        server::log log{to_journal(), there.path};
        log.write(log_level::warn, "listening", {{"listener", "[::]:443"}, {"number", std::uint64_t{3}}});
        const auto event = there.entry();
        CHECK(event.starts_with(
            "MESSAGE=listening listener=\"[::]:443\" number=3\nPRIORITY=4\nSYSLOG_IDENTIFIER="));
        CHECK(event.ends_with("\nSNIPASS_LISTENER=[::]:443\nSNIPASS_NUMBER=3\n"));
        net::event_loop loop;
        server::access_log access{loop, log};
        access.configure(to_journal());
        auto one = example();
        access.add(one);
        access.add(one);
        access.flush();
        for (int i = 0; i < 2; ++i) {
            const auto session = there.entry();
            CHECK(session.starts_with("MESSAGE=session handed_off client=192.0.2.1:5000 listener=[::]:443 "));
            CHECK_THAT(session, ContainsSubstring("\nPRIORITY=6\n") &&
                                    ContainsSubstring("\nSNIPASS_OUTCOME=handed_off\n") &&
                                    ContainsSubstring("\nSNIPASS_CLIENT=192.0.2.1:5000\n") &&
                                    ContainsSubstring("\nSNIPASS_BACKEND=blog\n"));
            CHECK(session.find("\n\n") == std::string::npos);
        }
    }
    CHECK(captured.text().empty());
}

TEST_CASE("log targets: no byte of a stranger's ends a field of the journal") {
    std::string entry;
    auto one = example();
    one.hello.emplace(std::string_view{"a\nSNIPASS_OUTCOME=proxied\n\n\"\x01\xff"}, alpn_list{}, nullptr);
    one.detail = "b\nMESSAGE=c";
    server::format_entry(entry, one, log_level::info);
    CHECK_THAT(entry,
               ContainsSubstring("\nSNIPASS_SERVER_NAME=a\\u000aSNIPASS_OUTCOME=proxied\\u000a\\u000a\\\""
                                 "\\u0001\\u00ff\n") &&
                   ContainsSubstring("\nSNIPASS_DETAIL=b\\u000aMESSAGE=c\n"));
    CHECK(entry.find("\n\n") == entry.size() - 2);
    CHECK(entry.find("\nSNIPASS_OUTCOME=") == entry.rfind("\nSNIPASS_OUTCOME="));
}

TEST_CASE("log targets: where there is no journal, standard error gets it, and a word about that") {
    captured_stderr captured;
    const handoff_test::temporary_folder folder;
    {
        server::log log{to_journal(), folder.path / "socket"};
        CHECK(log.target_of_sessions(to_journal()) == log_target::standard_error);
        log.write(log_level::info, "event");
    }
    CHECK_THAT(captured.text(),
               ContainsSubstring("warn there is no journal here") && ContainsSubstring("info event\n"));
}

TEST_CASE("log targets: a journal that has come back with another socket is found again") {
    journal there;
    server::log log{to_journal(), there.path};
    log.write(log_level::info, "first");
    CHECK_THAT(there.entry(), ContainsSubstring("MESSAGE=first\n"));
    there.fd.reset();
    std::filesystem::remove(there.path);
    there.fd = there.open();
    log.write(log_level::info, "second");
    CHECK_THAT(there.entry(), ContainsSubstring("MESSAGE=second\n"));
    CHECK(log.dropped() == 0);
}

TEST_CASE("log targets: a journal that is away loses entries, which are counted") {
    journal there;
    server::log log{to_journal(), there.path};
    there.fd.reset();
    log.write(log_level::info, "unheard");
    wait_until([&] { return log.dropped() == 1; });
    std::filesystem::remove(there.path);
    there.fd = there.open();
    log.write(log_level::info, "heard");
    CHECK_THAT(there.entry(),
               ContainsSubstring("MESSAGE=log lines were lost: the journal could not be written to") &&
                   ContainsSubstring("\nSNIPASS_LINES=1\n"));
    CHECK_THAT(there.entry(), ContainsSubstring("MESSAGE=heard\n"));
}

#ifndef SNIPASS_SANITIZED
TEST_CASE("log: what found no memory takes no room in the queue for ever") {
    const captured_stderr captured;
    server::log log{config::log_settings{}};
    const auto before = log.dropped();
    const std::string line = std::string(40'000, 'x') + "\n"; // the queue has room for 180
    {
        const scarce_memory scarce{1 << 14};
        for (int i = 0; i < 300; ++i)
            log.write_lines(line);
    }
    CHECK(log.dropped() - before == 300);
    log.write_lines(line);
    CHECK(log.dropped() - before == 300);
}
#endif
