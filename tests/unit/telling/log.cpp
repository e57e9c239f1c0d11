// SPDX-License-Identifier: BSL-1.0
#include "snipass/telling/log.hpp"

#include "captured_stderr.hpp"
#include "catch.hpp"
#include "same_descriptors.hpp"
#include "tcp_client.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <future>
#include <memory>
#include <regex>
#include <thread>

#include <poll.h>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using config::log_format;
using config::log_level;

namespace {

config::log_settings settings(log_level level, log_format format = log_format::text) {
    config::log_settings made;
    made.level = level;
    made.format = format;
    return made;
}

// What a log with these settings writes to standard error.
template <class Use>
std::string written(const config::log_settings& with, Use use) {
    const same_descriptors check;
    captured_stderr captured;
    {
        server::log log{with};
        use(log);
    }
    return captured.text();
}

// The times are cut, because they are others each time.
std::string without_time(const std::string& text) {
    static const std::regex time{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"};
    return std::regex_replace(text, time, "TIME");
}

// journal_stream says that `fd` is connected to the journal, as systemd does.
class journal_stream {
  public:
    explicit journal_stream(int fd) {
        struct stat file {};
        REQUIRE(::fstat(fd, &file) == 0);
        ::setenv("JOURNAL_STREAM", (std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino)).c_str(),
                 1);
    }
    ~journal_stream() { ::unsetenv("JOURNAL_STREAM"); }
    journal_stream(const journal_stream&) = delete;
    journal_stream& operator=(const journal_stream&) = delete;
};

// size_limit lets this process's files have so many bytes, while it exists (RLIMIT_FSIZE).
class size_limit {
  public:
    explicit size_limit(rlim_t most) {
        ::signal(SIGXFSZ, SIG_IGN);
        REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
        const rlimit now{most, before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &now) == 0);
    }
    ~size_limit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, SIG_DFL);
    }
    size_limit(const size_limit&) = delete;
    size_limit& operator=(const size_limit&) = delete;

  private:
    rlimit before_{};
};

// read_until reads what is written up to `last`.
std::string read_until(int fd, std::string_view last) {
    std::string heard;
    std::array<char, 65'536> chunk;
    while (heard.find(last) == std::string::npos) {
        const auto n = ::read(fd, chunk.data(), chunk.size());
        if (n <= 0)
            break;
        heard.append(chunk.data(), static_cast<std::size_t>(n));
    }
    return heard;
}

// left_by is what a log leaves in the pipe of a reader that does not read, once it has ended. If it does not
// end, it is read after all, and the text is empty.
std::string left_by(std::unique_ptr<server::log> log, captured_stderr& captured) {
    auto ended = std::async(std::launch::async, [&log] { log.reset(); });
    if (ended.wait_for(patience) == std::future_status::ready)
        return captured.text();
    while (ended.wait_for(0s) != std::future_status::ready) {
        std::array<char, 65'536> chunk;
        if (pollfd one{captured.fd(), POLLIN, 0}; ::poll(&one, 1, 10) > 0)
            (void)!::read(captured.fd(), chunk.data(), chunk.size());
    }
    captured.restore();
    return {};
}

constexpr std::size_t pipe_size = 65'536;

} // namespace

TEST_CASE("log: a text line is time, level, message and quoted fields") {
    const auto text = written(settings(log_level::info), [](server::log& log) {
        log.write(log_level::info, "listening", {{"address", "[::]:443"}, {"name", "a\"b\n"}});
        log.write(log_level::error, "plain");
    });
    CHECK(without_time(text) == "TIME info listening address=\"[::]:443\" name=\"a\\\"b\\u000a\"\n"
                                "TIME error plain\n");
}

TEST_CASE("log: numbers are numbers") {
    const auto write = [](server::log& log) {
        log.write(log_level::info, "counters", {{"accepted", std::uint64_t{3}}});
    };
    CHECK(without_time(written(settings(log_level::info), write)) == "TIME info counters accepted=3\n");
    CHECK(without_time(written(settings(log_level::info, log_format::json), write)) ==
          "{\"time\":\"TIME\",\"level\":\"info\",\"message\":\"counters\",\"accepted\":3}\n");
}

TEST_CASE("log: the journal is told the priority, and knows the time itself") {
    const auto format = GENERATE(log_format::text, log_format::json);
    captured_stderr captured;
    const journal_stream journal{STDERR_FILENO};
    {
        server::log log{settings(log_level::trace, format)};
        CHECK(log.to_journal());
        for (const auto each :
             {log_level::trace, log_level::debug, log_level::info, log_level::warn, log_level::error})
            log.write(each, "line");
    }
    const std::string text = "<7>trace line\n<7>debug line\n<6>info line\n<4>warn line\n<3>error line\n";
    const auto json =
        std::regex_replace(text, std::regex{"([a-z]+) line"}, R"({"level":"$1","message":"line"})");
    CHECK(captured.text() == (format == log_format::text ? text : json));
}

TEST_CASE("log: a journal that standard error is not connected to is none") {
    const captured_stderr other;
    const journal_stream journal{other.fd()};
    const captured_stderr captured;
    server::log log{settings(log_level::info)};
    CHECK_FALSE(log.to_journal());
}

TEST_CASE("log: a JSON line is one object") {
    const auto text = written(settings(log_level::info, log_format::json), [](server::log& log) {
        log.write(log_level::warn, "say \"no\"", {{"key", "va\\lue"}});
    });
    CHECK(without_time(text) == R"({"time":"TIME","level":"warn","message":"say \"no\"","key":"va\\lue"})"
                                "\n");
}

TEST_CASE("log: lines below the level are not written") {
    const auto level =
        GENERATE(log_level::trace, log_level::debug, log_level::info, log_level::warn, log_level::error);
    const auto text = written(settings(level), [](server::log& log) {
        for (const auto each :
             {log_level::trace, log_level::debug, log_level::info, log_level::warn, log_level::error})
            log.write(each, "line");
    });
    CHECK(std::ranges::count(text, '\n') == 5 - static_cast<int>(level));
}

TEST_CASE("log: configure changes level and format from the next line on") {
    const auto text = written(settings(log_level::error), [](server::log& log) {
        log.write(log_level::info, "unheard");
        log.configure(settings(log_level::info, log_format::json));
        log.write(log_level::info, "heard");
    });
    CHECK(without_time(text) == "{\"time\":\"TIME\",\"level\":\"info\",\"message\":\"heard\"}\n");
}

TEST_CASE("log: finished lines are written as they are, whatever the level, before the log is gone") {
    std::string expected;
    const auto text = written(settings(log_level::error), [&expected](server::log& log) {
        for (int i = 0; i < 500; ++i) {
            const auto line = "line " + std::to_string(i) + "\n";
            expected += line;
            log.write_lines(line);
        }
    });
    CHECK(text == expected);
}

TEST_CASE("log: nobody waits for a reader that does not read, and what is lost is told") {
    constexpr int lines = 20'000; // more than the pipe and the queue hold
    captured_stderr captured;
    server::log log{settings(log_level::info)};
    for (int i = 0; i < lines; ++i)
        log.write_lines(std::string(99, 'x') + "\n"); // returns
    log.write(log_level::info, "the last");
    const auto heard = read_until(captured.fd(), "the last");
    CHECK(std::ranges::count(heard, '\n') < lines);
    CHECK(heard.find("log lines were dropped") != std::string::npos);
}

TEST_CASE("log: of batches that nobody reads no more than so many bytes are kept") {
    constexpr std::size_t batches = 1'000;
    captured_stderr captured;
    server::log log{settings(log_level::info)};
    const auto batch = std::string(32'767, 'x') + "\n";
    for (std::size_t i = 0; i < batches; ++i)
        log.write_lines(batch);
    log.write(log_level::info, "the last"); // there is room for events
    const auto heard = read_until(captured.fd(), "the last");
    CHECK(heard.size() < (std::size_t{8} << 20) + 2 * pipe_size);
    CHECK(heard.find("log lines were dropped") != std::string::npos);
}

TEST_CASE("log: at its end it gives a reader that does not read one chance, not one a line") {
    captured_stderr captured;
    auto log = std::make_unique<server::log>(settings(log_level::info));
    std::string written;
    for (int i = 0; i < 3'000; ++i) {
        const auto line = std::to_string(i) + std::string(95, 'x') + "\n";
        log->write_lines(line);
        written += line;
    }
    const auto left = left_by(std::move(log), captured);
    CHECK(left.size() > pipe_size / 2); // what there was room for, and nothing behind the first gap
    CHECK(written.starts_with(left));
}

TEST_CASE("log: at its end it does not hang in a write that is larger than the room left") {
    captured_stderr captured;
    auto log = std::make_unique<server::log>(settings(log_level::info));
    const auto first = std::string(60'000, 'x') + "\n";
    const auto second = std::string(32'768, 'y') + "\n";
    log->write_lines(first);
    log->write_lines(second);
    const auto left = left_by(std::move(log), captured);
    CHECK(left.size() >= first.size());
    CHECK(left.size() <= pipe_size);
    CHECK((first + second).starts_with(left));
}

TEST_CASE("log: a reader that is gone is no reason to stop") {
    const same_descriptors check;
    const auto before = std::signal(SIGPIPE, SIG_IGN); // as the daemon does
    {
        captured_stderr captured;
        captured.stop_reading();
        server::log log{settings(log_level::info)};
        for (int i = 0; i < 100; ++i)
            log.write(log_level::error, "unheard");
    }
    std::signal(SIGPIPE, before);
}

TEST_CASE(
    "log: lines that a full disk did not take are told once there is room, and the next one begins anew") {
    const same_descriptors check;
    const os::unique_fd file{::memfd_create("log", MFD_CLOEXEC)};
    const os::unique_fd before{::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)};
    REQUIRE(::dup2(file.get(), STDERR_FILENO) == STDERR_FILENO);
    const auto size = [&file] {
        struct stat now {};
        return ::fstat(file.get(), &now) == 0 ? now.st_size : 0;
    };
    {
        server::log log{settings(log_level::info)};
        {
            const size_limit full{100};
            for (int i = 0; i < 3; ++i)
                log.write(log_level::info,
                          "a line that is longer than what is left of the file after one of them", {});
            while (size() < 100)
                std::this_thread::sleep_for(1ms);
            std::this_thread::sleep_for(50ms); // the rest has been tried
        }
        log.write(log_level::info, "there is room", {});
    }
    ::dup2(before.get(), STDERR_FILENO);
    std::string all(static_cast<std::size_t>(size()), '\0');
    REQUIRE(::pread(file.get(), all.data(), all.size(), 0) == static_cast<ssize_t>(all.size()));
    INFO(all);
    CHECK(std::regex_search(
        all, std::regex{R"(\n[^\n]* warn log lines were lost: standard error could not be written to )"
                        R"(lines=[0-9]+ why="File too large"\n[^\n]* info there is room\n$)"}));
}
