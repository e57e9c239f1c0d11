// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/systemd.hpp"

#include "catch.hpp"
#include "handoff_sender.hpp"
#include "same_descriptors.hpp"
#include "snipass/os/error.hpp"
#include "tcp_client.hpp"
#include "unix_backend.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <cstdlib>
#include <functional>

using namespace snipass;
using namespace snipass::testing;
using handoff_test::temporary_folder;

namespace {

// variables are set for the test's life.
class variables {
  public:
    variables() = default;
    ~variables() {
        for (const auto& name : names_)
            ::unsetenv(name.c_str());
    }
    variables(const variables&) = delete;
    variables& operator=(const variables&) = delete;

    variables& set(const char* name, const std::string& value) {
        names_.emplace_back(name);
        ::setenv(name, value.c_str(), 1);
        return *this;
    }

  private:
    std::vector<std::string> names_;
};

std::string own_pid() {
    return std::to_string(::getpid());
}

// in_child runs `test` in a process of its own, because passed descriptors begin with number 3: there are
// `sockets` of them, none if it is 0. It must return "".
std::string in_child(int sockets, const std::function<std::string()>& test) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    os::unique_fd ours{ends[0]};
    os::unique_fd theirs{ends[1]};
    const auto child = ::fork();
    if (child == 0) {
        const int report = ::fcntl(theirs.get(), F_DUPFD_CLOEXEC, 100);
        for (int fd = 3; fd < 100; ++fd)
            ::close(fd);
        for (int i = 0; i < sockets; ++i)
            (void)!::dup(report); // 3, 4, ...: without close-on-exec
        const auto problem = test();
        (void)!::write(report, problem.data(), problem.size());
        ::_exit(0);
    }
    REQUIRE(child > 0);
    theirs.reset();
    std::string problem(4096, '\0');
    std::size_t size = 0;
    for (ssize_t n = 1; n > 0; size += static_cast<std::size_t>(std::max<ssize_t>(n, 0)))
        n = ::read(ours.get(), problem.data() + size, problem.size() - size);
    problem.resize(size);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return status == 0 ? problem : problem + "; status " + std::to_string(status);
}

// What take_listen_fds gives, as words: "3=web 4=unknown".
std::string taken() {
    std::string text;
    const auto passed = os::take_listen_fds();
    for (const auto& one : passed.all)
        text += (text.empty() ? "" : " ") + std::to_string(one.fd.get()) + "=" + one.name;
    return text;
}

struct listen_row {
    const char* behaviour;
    const char* pid; // nullptr: this process
    const char* fds;
    const char* names; // nullptr: not set
    int open;
    const char* taken;
};

} // namespace

TEST_CASE("take_listen_fds: the sockets and their names") {
    const auto [behaviour, pid, fds, names, open, expected] = GENERATE(values<listen_row>({
        {"one with its name", nullptr, "1", "web", 1, "3=web"},
        {"each has its own", nullptr, "3", "web:api:admin", 3, "3=web 4=api 5=admin"},
        {"without names", nullptr, "2", nullptr, 2, "3=unknown 4=unknown"},
        {"fewer names than sockets", nullptr, "2", "web", 2, "3=web 4=unknown"},
        {"more names than sockets", nullptr, "1", "web:api", 1, "3=web"},
        {"an empty name", nullptr, "2", ":api", 2, "3= 4=api"},
        {"for another process", "1", "1", "web", 1, ""},
        {"none", nullptr, "0", nullptr, 1, ""},
        {"not a number", nullptr, "one", "web", 1, ""},
        {"a number with a tail", nullptr, "1 ", "web", 1, ""},
        {"negative", nullptr, "-1", "web", 1, ""},
        {"as many as an int holds", nullptr, "2147483647", "web", 1, ""},
        {"more than an int holds", nullptr, "4294967297", "web", 1, ""},
        {"one that is not open keeps its name", nullptr, "3", "web:api:admin", 2, "3=web 4=api"},
    }));
    CAPTURE(behaviour);
    CHECK(in_child(open, [&] {
              ::setenv("LISTEN_PID", pid != nullptr ? pid : own_pid().c_str(), 1);
              ::setenv("LISTEN_FDS", fds, 1);
              if (names != nullptr)
                  ::setenv("LISTEN_FDNAMES", names, 1);
              return taken();
          }) == expected);
}

TEST_CASE("take_listen_fds: a name stays with its number when another one is not open") {
    CHECK(in_child(3, [] {
              ::close(3);
              ::setenv("LISTEN_PID", own_pid().c_str(), 1);
              ::setenv("LISTEN_FDS", "3", 1);
              ::setenv("LISTEN_FDNAMES", "web:api:admin", 1);
              return taken();
          }) == "4=api 5=admin");
}

TEST_CASE("take_listen_fds: no child gets sockets or variables") {
    CHECK(in_child(1, [] {
              ::setenv("LISTEN_PID", own_pid().c_str(), 1);
              ::setenv("LISTEN_FDS", "1", 1);
              ::setenv("LISTEN_FDNAMES", "web", 1);
              const auto sockets = os::take_listen_fds().all;
              std::string problem;
              if (sockets.size() != 1 || (::fcntl(3, F_GETFD) & FD_CLOEXEC) == 0)
                  problem += "inherited;";
              for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
                  if (std::getenv(name) != nullptr)
                      problem += name;
              return problem;
          }) == "");
}

TEST_CASE("take_listen_fds: without variables there is nothing, and nothing is touched") {
    const same_descriptors check;
    const auto passed = os::take_listen_fds();
    CHECK(passed.all.empty());
    CHECK(passed.problem.empty());
}

TEST_CASE("take_listen_fds: why there are none, or fewer than there should be") {
    const auto [behaviour, pid, fds, problem] =
        GENERATE(values<std::tuple<const char*, const char*, const char*, std::string>>({
            {"for another process", "1", "1", "LISTEN_PID is 1, and this process is "},
            {"one that is closed", nullptr, "2", "LISTEN_FDS is 2, but of these descriptors only 1 are open"},
            {"not a number", nullptr, "one", "LISTEN_PID is \""},
            {"a count without a process", "", "1", "LISTEN_PID is \"\" and LISTEN_FDS is \"1\""},
            {"as it should be", nullptr, "1", ""},
            {"none", nullptr, "0", ""},
        }));
    CAPTURE(behaviour);
    const auto told = in_child(1, [&, given = pid, count = fds] {
        ::setenv("LISTEN_PID", given != nullptr ? given : own_pid().c_str(), 1);
        ::setenv("LISTEN_FDS", count, 1);
        return os::take_listen_fds().problem;
    });
    CHECK(told.substr(0, problem.size()) == problem);
    CHECK(told.empty() == problem.empty());
}

TEST_CASE("notify: the state, as one datagram to NOTIFY_SOCKET") {
    const same_descriptors check;
    const temporary_folder folder;
    for (const std::string& path : {abstract_name(), (folder.path / "notify").string()}) {
        CAPTURE(path);
        const datagram_backend manager{path};
        variables environment;
        environment.set("NOTIFY_SOCKET", path);
        CHECK_FALSE(os::notify(os::notify_socket(), "READY=1\nSTATUS=Serving"));
        const auto heard = receive_unix(manager.fd()).data;
        CHECK(as_text(heard) == "READY=1\nSTATUS=Serving");
    }
}

TEST_CASE("notify: without a manager it is silent; of one that does not hear it, it says why") {
    const same_descriptors check;
    CHECK_FALSE(os::notify(os::notify_socket(), "READY=1"));
    variables environment;
    environment.set("NOTIFY_SOCKET", abstract_name());
    CHECK(os::notify(os::notify_socket(), "READY=1") == os::make_error(ECONNREFUSED));
    environment.set("NOTIFY_SOCKET", std::string(200, 'x'));
    CHECK(os::notify(os::notify_socket(), "READY=1") == os::make_error(ENAMETOOLONG));
    const datagram_backend manager;
    environment.set("NOTIFY_SOCKET", manager.path());
    const auto filled = fill_queue(manager.path());
    CHECK(filled > 0);
    CHECK(os::would_block(os::notify(os::notify_socket(), "READY=1")));
}

TEST_CASE("reloading_state: with the monotonic time") {
    timespec before{};
    ::clock_gettime(CLOCK_MONOTONIC, &before);
    const auto text = os::reloading_state();
    const std::string prefix = "RELOADING=1\nMONOTONIC_USEC=";
    REQUIRE(text.substr(0, prefix.size()) == prefix);
    CHECK(std::stoll(text.substr(prefix.size())) / 1'000'000 >= before.tv_sec);
}

TEST_CASE("watchdog_interval: what WATCHDOG_USEC says, if it is meant for this process") {
    using std::chrono::microseconds;
    struct row {
        const char* usec;
        std::string pid;
        std::optional<microseconds> expected;
    };
    const auto [usec, pid, expected] = GENERATE(values<row>({
        {"30000000", "", microseconds{30'000'000}},
        {"30000000", own_pid(), microseconds{30'000'000}},
        {"30000000", "1", std::nullopt},
        {"30000000", "me", std::nullopt},
        {"", "", std::nullopt},
        {"0", "", std::nullopt},
        {"-5", "", std::nullopt},
        {"5s", "", std::nullopt},
    }));
    CAPTURE(usec, pid);
    variables environment;
    environment.set("WATCHDOG_USEC", usec);
    if (!pid.empty())
        environment.set("WATCHDOG_PID", pid);
    CHECK((os::watchdog_interval() == expected));
}
