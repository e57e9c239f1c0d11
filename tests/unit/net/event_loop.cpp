// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/event_loop.hpp"

#include "catch.hpp"
#include "run_coroutine.hpp"
#include "same_descriptors.hpp"
#include "sockets.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using net::time_point;

namespace {

// test_alarm does what it is told when it goes off.
class test_alarm final : public net::alarm {
  public:
    explicit test_alarm(std::function<void()> action) : action_(std::move(action)) {}
    ~test_alarm() = default;

  private:
    void expire() override { action_(); }

    std::function<void()> action_;
};

// A watcher records what it is told, and may do more.
class watcher final : public net::ready_target {
  public:
    watcher(net::event_loop& loop, std::function<void(unsigned, std::uint32_t)> action)
        : loop_(loop), action_(std::move(action)) {}
    ~watcher() { loop_.forget(*this); }

  private:
    void on_ready(unsigned which, std::uint32_t events) override { action_(which, events); }

    net::event_loop& loop_;
    std::function<void(unsigned, std::uint32_t)> action_;
};

// bell records that it went off.
class bell {
  public:
    bell(std::vector<int>& rung, int number) : alarm([&rung, number] { rung.push_back(number); }) {}
    test_alarm alarm;
};

// ends_by_itself is run(), ended at last by an alarm; false if it took that.
bool ends_by_itself(net::event_loop& loop) {
    bool is_late = false;
    test_alarm late{[&] {
        is_late = true;
        loop.stop();
    }};
    loop.arm(late, net::clock::now() + patience);
    loop.run();
    return !is_late;
}

// waits_now: another thread's loop has nothing to do.
bool waits_now(const net::event_loop& loop) {
    const auto end = net::clock::now() + patience;
    while (loop.turns() % 2 != 0 && net::clock::now() < end)
        std::this_thread::yield();
    return loop.turns() % 2 == 0;
}

} // namespace

TEST_CASE("event_loop: alarms go off in the order of their times, whatever the order they were armed in") {
    const same_descriptors check;
    net::event_loop loop;
    std::vector<int> rung;
    bell first{rung, 1};
    bell second{rung, 2};
    bell third{rung, 3};
    const auto now = net::clock::now();
    loop.arm(second.alarm, now + 2ms);
    loop.arm(third.alarm, now + 3ms);
    loop.arm(first.alarm, now + 1ms);
    run_until(loop, [&] { return rung.size() == 3; });
    CHECK(rung == std::vector{1, 2, 3});
}

TEST_CASE("event_loop: alarms of one time go off in the order they were armed in") {
    net::event_loop loop;
    std::vector<int> rung;
    bell first{rung, 1};
    bell second{rung, 2};
    const auto when = net::clock::now() + 1ms;
    loop.arm(first.alarm, when);
    loop.arm(second.alarm, when);
    run_until(loop, [&] { return rung.size() == 2; });
    CHECK(rung == std::vector{1, 2});
}

TEST_CASE("event_loop: a time that has passed goes off at once, from run() and not from arm()") {
    net::event_loop loop;
    std::vector<int> rung;
    bell late{rung, 1};
    loop.arm(late.alarm, net::clock::now() - 1h);
    CHECK(rung.empty());
    run_until(loop, [&] { return !rung.empty(); });
    CHECK(rung == std::vector{1});
}

TEST_CASE("event_loop: sockets that are always ready do not keep an alarm that is due waiting") {
    net::event_loop loop;
    std::size_t told = 0;
    const os::unique_fd always{::eventfd(1, EFD_CLOEXEC)};
    std::vector<os::unique_fd> copies; // more than one look tells of
    std::vector<std::unique_ptr<watcher>> busy;
    for (std::size_t i = 0; i < 300; ++i) {
        copies.emplace_back(::fcntl(always.get(), F_DUPFD_CLOEXEC, 0));
        busy.push_back(std::make_unique<watcher>(loop, [&, i](unsigned, std::uint32_t) {
            ++told;
            (void)loop.watch_again(copies[i].get(), EPOLLIN, *busy[i]);
        }));
        REQUIRE(!loop.watch(copies.back().get(), EPOLLIN, *busy.back()));
    }
    std::vector<int> rung;
    bell soon{rung, 1};
    loop.arm(soon.alarm, net::clock::now() + 1ms);
    run_until(loop, [&] { return !rung.empty(); });
    CHECK(told < 100'000); // a look for each of 1,024 times
}

TEST_CASE("event_loop: an alarm that is armed again is moved") {
    net::event_loop loop;
    std::vector<int> rung;
    bell moved{rung, 1};
    bell other{rung, 2};
    const auto now = net::clock::now();
    loop.arm(moved.alarm, now + 1ms);
    loop.arm(other.alarm, now + 5ms);
    loop.arm(moved.alarm, now + 10ms); // later
    CHECK(moved.alarm.when() == now + 10ms);
    run_until(loop, [&] { return rung.size() == 2; });
    CHECK(rung == std::vector{2, 1});
    loop.arm(moved.alarm, net::clock::now() + 1h);
    loop.arm(moved.alarm, net::clock::now()); // earlier
    run_until(loop, [&] { return rung.size() == 3; });
    CHECK(rung.back() == 1);
}

TEST_CASE("event_loop: a disarmed alarm does not go off, nor does one that is gone") {
    net::event_loop loop;
    std::vector<int> rung;
    bell disarmed{rung, 1};
    bell last{rung, 3};
    const auto now = net::clock::now();
    loop.arm(disarmed.alarm, now + 1ms);
    disarmed.alarm.disarm();
    disarmed.alarm.disarm(); // again is harmless
    {
        bell gone{rung, 2};
        loop.arm(gone.alarm, now + 1ms);
    }
    loop.arm(last.alarm, now + 3ms);
    run_until(loop, [&] { return !rung.empty(); });
    CHECK(rung == std::vector{3});
}

TEST_CASE("event_loop: never is never, and armed so an alarm is disarmed") {
    net::event_loop loop;
    std::vector<int> rung;
    bell never{rung, 1};
    bell other{rung, 2};
    loop.arm(never.alarm, net::clock::now());
    loop.arm(never.alarm, time_point::max());
    loop.arm(other.alarm, net::clock::now() + 1ms);
    run_until(loop, [&] { return !rung.empty(); });
    run_ready(loop);
    CHECK(rung == std::vector{2});
}

TEST_CASE("event_loop: an alarm that goes off may arm itself and disarm others") {
    net::event_loop loop;
    int rounds = 0;
    std::vector<int> rung;
    bell victim{rung, 1};
    test_alarm again{[&] {
        victim.alarm.disarm();
        if (++rounds < 3)
            loop.arm(again, net::clock::now() + 1ms);
    }};
    const auto when = net::clock::now() + 1ms;
    loop.arm(again, when);
    loop.arm(victim.alarm, when);
    run_until(loop, [&] { return rounds == 3; });
    CHECK(rung.empty());
}

TEST_CASE("event_loop: an alarm that arms itself for now leaves others their turn") {
    net::event_loop loop;
    int rounds = 0;
    bool posted = false;
    test_alarm again{[&] {
        ++rounds;
        loop.arm(again, time_point::min());
    }};
    loop.arm(again, time_point::min());
    loop.post([&] { posted = true; });
    run_until(loop, [&] { return posted && rounds >= 3; });
    const int before = rounds;
    (void)loop.take_turn(time_point::max());
    CHECK(rounds == before + 1);
}

TEST_CASE("event_loop: jobs of other threads are run in their order, and wake the loop") {
    const same_descriptors check;
    net::event_loop loop;
    std::vector<int> done;
    std::jthread other{[&] {
        for (int i = 0; i < 1'000; ++i)
            loop.post([&, i] { done.push_back(i); });
        loop.post([&] { loop.stop(); });
    }};
    CHECK(ends_by_itself(loop));
    CHECK(done.size() == 1'000);
    CHECK(std::ranges::is_sorted(done));
}

TEST_CASE("event_loop: stop ends a run that waits") {
    net::event_loop loop;
    auto ended = std::async(std::launch::async, [&] { return ends_by_itself(loop); });
    REQUIRE(waits_now(loop));
    loop.stop();
    CHECK(ended.get());
}

TEST_CASE("event_loop: a run that is stopped before it has begun makes no turn") {
    net::event_loop loop;
    const auto before = loop.turns();
    loop.stop();
    CHECK(ends_by_itself(loop));
    CHECK(loop.turns() == before);
}

TEST_CASE("event_loop: a job may post another") {
    net::event_loop loop;
    int done = 0;
    loop.post([&] { loop.post([&] { ++done; }); });
    run_until(loop, [&] { return done == 1; });
}

TEST_CASE("event_loop: a target that was destroyed is not told of what was fetched for it") {
    net::event_loop loop;
    const auto pairs = std::array{unix_pair(), unix_pair(), unix_pair()};
    std::array<std::unique_ptr<watcher>, 3> watchers;
    int told = 0;
    for (auto& one : watchers) {
        one = std::make_unique<watcher>(loop, [&](unsigned, std::uint32_t) {
            ++told;
            for (auto& other : watchers) // itself is the last to go
                if (other != one)
                    other.reset();
            one.reset();
        });
    }
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        say(pairs[i].far, "x");
        REQUIRE(!loop.watch_edges(pairs[i].near.get(), *watchers[i], 1)); // the tag must not hide it
    }
    run_until(loop, [&] { return told > 0; });
    run_ready(loop);
    CHECK(told == 1);
}

TEST_CASE("event_loop: a target with two descriptors is told which, and of each edge once") {
    net::event_loop loop;
    const auto pairs = std::array{unix_pair(), unix_pair()};
    std::vector<unsigned> told;
    watcher one{loop, [&](unsigned which, std::uint32_t events) {
                    if ((events & EPOLLIN) != 0)
                        told.push_back(which);
                }};
    for (unsigned i = 0; i < 2; ++i)
        REQUIRE(!loop.watch_edges(pairs[i].near.get(), one, i));
    run_ready(loop);
    CHECK(told.empty());
    say(pairs[1].far, "x");
    run_until(loop, [&] { return !told.empty(); });
    run_ready(loop);
    CHECK(told == std::vector{1U});
    say(pairs[0].far, "x");
    run_until(loop, [&] { return told.size() == 2; });
    CHECK(told == std::vector{1U, 0U});
    say(pairs[1].far, "y"); // what came first is still unread
    run_until(loop, [&] { return told.size() == 3; });
    CHECK(told == std::vector{1U, 0U, 1U});
}

TEST_CASE("event_loop: all that is ready is told before an alarm goes off, however much it is") {
    const same_descriptors check;
    net::event_loop loop;
    constexpr std::size_t many = 500; // more than one wait brings
    std::size_t told = 0;
    std::size_t told_before_alarm = 0;
    std::vector<std::pair<os::unique_fd, std::unique_ptr<watcher>>> watched;
    for (std::size_t i = 0; i < many; ++i) {
        auto& [fd, one] =
            watched.emplace_back(os::unique_fd{::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)},
                                 std::make_unique<watcher>(loop, [&](unsigned, std::uint32_t) { ++told; }));
        REQUIRE(!loop.watch(fd.get(), EPOLLIN, *one));
    }
    test_alarm alarm{[&] { told_before_alarm = told; }};
    loop.arm(alarm, net::clock::now() - 1s);
    (void)loop.take_turn(time_point::max());
    CHECK(told_before_alarm == many);
}

TEST_CASE("event_loop: descriptors that are always ready keep no alarm from going off") {
    net::event_loop loop;
    std::vector<std::pair<os::unique_fd, std::unique_ptr<watcher>>> watched;
    for (int i = 0; i < 200; ++i) {
        watched.emplace_back(os::unique_fd{::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)}, nullptr);
        const int fd = watched.back().first.get();
        auto one = std::make_unique<watcher>(loop, [&loop, &watched, i, fd](unsigned, std::uint32_t) {
            (void)loop.watch_again(fd, EPOLLIN, *watched[static_cast<std::size_t>(i)].second);
        });
        REQUIRE(!loop.watch(fd, EPOLLIN, *one));
        watched.back().second = std::move(one);
    }
    bool rung = false;
    test_alarm alarm{[&] { rung = true; }};
    loop.arm(alarm, net::clock::now() - 1s);
    (void)loop.take_turn(time_point::max());
    CHECK(rung);
}

TEST_CASE("event_loop: it may be destroyed with alarms armed") {
    const same_descriptors check;
    std::vector<int> rung;
    bell survivor{rung, 1};
    {
        net::event_loop loop;
        loop.arm(survivor.alarm, net::clock::now() + 1h);
    }
    survivor.alarm.disarm();
    CHECK(rung.empty());
}

TEST_CASE("event_loop: its turns tell other threads whether it works, and whether it still does the same") {
    net::event_loop loop;
    CHECK(loop.turns() % 2 == 1); // what comes before run() is work, too
    std::vector<std::uint32_t> seen;
    const auto look = [&] { seen.push_back(loop.turns()); };
    for (int i = 0; i < 2; ++i) {
        loop.post(look);
        loop.post(look);
        REQUIRE(loop.take_turn(time_point::max()));
    }
    REQUIRE(seen.size() == 4);
    CHECK(seen[0] % 2 == 1);
    CHECK(seen[1] == seen[0]);
    CHECK(seen[2] % 2 == 1);
    CHECK(seen[2] != seen[0]);

    auto ended = std::async(std::launch::async, [&] { return ends_by_itself(loop); });
    CHECK(waits_now(loop));
    loop.stop();
    CHECK(ended.get());
}
