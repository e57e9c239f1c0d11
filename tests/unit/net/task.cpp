// SPDX-License-Identifier: BSL-1.0
// Coroutines: who continues when, and who destroys what.
#include "snipass/net/task.hpp"
#include "catch.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/sleeper.hpp"

#include <memory>
#include <stdexcept>
#include <string>

using namespace snipass::net;

namespace {

task<int> at_once(int value) {
    co_return value;
}

task<int> after_a_turn(event_loop& loop, int value) {
    co_await sleeper{loop}.sleep(time_point::min());
    co_return value;
}

task<int> failing() {
    throw std::runtime_error{"no"};
    co_return 0;
}

// Adds up tasks that never wait; deep recursion instead of a loop would overflow the stack.
task<> add_up(int count, int& sum) {
    for (int i = 0; i < count; ++i)
        sum += co_await at_once(1);
}

task<> sleep_forever(event_loop& loop, std::shared_ptr<int> held) {
    sleeper sleeper{loop};
    co_await sleeper.sleep(time_point::max());
    *held = 1; // not reached
}

} // namespace

TEST_CASE("task: one that need not wait is finished when spawn returns", "[net]") {
    event_loop loop;
    int sum = 0;
    loop.spawn(add_up(1, sum));
    CHECK(sum == 1);
}

TEST_CASE("task: a loop over tasks that never wait needs no stack", "[net]") {
    event_loop loop;
    int sum = 0;
    loop.spawn(add_up(1'000'000, sum));
    CHECK(sum == 1'000'000);
}

TEST_CASE("task: a result comes after a wait", "[net]") {
    event_loop loop;
    int got = 0;
    loop.spawn([](event_loop& on, int& to) -> task<> { to = co_await after_a_turn(on, 42); }(loop, got));
    CHECK(got == 0);
    (void)loop.take_turn(time_point::min());
    CHECK(got == 42);
}

TEST_CASE("task: what one throws reaches the one that awaits it", "[net]") {
    event_loop loop;
    std::string what;
    loop.spawn([](std::string& to) -> task<> {
        try {
            (void)co_await failing();
        } catch (const std::runtime_error& error) {
            to = error.what();
        }
    }(what));
    CHECK(what == "no");
}

TEST_CASE("task: what a spawned one throws before it has to wait leaves spawn", "[net]") {
    event_loop loop;
    CHECK_THROWS_AS(loop.spawn([]() -> task<> { (void)co_await failing(); }()), std::runtime_error);
}

TEST_CASE("event_loop: destroy_tasks destroys what has not finished, with all it holds", "[net]") {
    const auto held = std::make_shared<int>(0);
    event_loop loop;
    loop.spawn(sleep_forever(loop, held));
    CHECK(held.use_count() == 2);
    loop.destroy_tasks();
    CHECK(held.use_count() == 1);
    CHECK(*held == 0);
}
