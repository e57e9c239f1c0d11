// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/turns.hpp"

#include "snipass/net/sleeper.hpp"

#include "catch.hpp"
#include "run_coroutine.hpp"

#include <string>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;

namespace {

struct scene {
    net::event_loop loop;
    net::turns turns{loop, 2};
    std::string told;

    net::task<> take(char who) {
        co_await turns.take();
        told += who;
    }
};

} // namespace

TEST_CASE("turns: one that is taken at once is taken") {
    scene all;
    CHECK(all.turns.take_now());
    CHECK(all.turns.take_now());
    CHECK_FALSE(all.turns.take_now());
    all.turns.give_up();
    CHECK(all.turns.take_now());
}

namespace {

// One quick turn, and `late` others for those who take longer than a moment.
struct passing_scene {
    explicit passing_scene(std::size_t most_late) : late(loop, most_late) {}

    net::event_loop loop;
    net::turns quick{loop, 1};
    net::turns late;
    std::string told;
    net::sleeper end{loop}; // of the first one's work

    net::task<> work(char who, bool is_slow) {
        net::passing_turn turn{loop, quick, late, 1ms};
        co_await turn.take();
        told += who;
        if (is_slow)
            co_await end.sleep(net::time_point::max());
        turn.give_up();
    }
};

} // namespace

TEST_CASE("passing_turn: who is slow holds up nobody who comes after") {
    passing_scene all{1};
    all.loop.spawn(all.work('a', true));
    all.loop.spawn(all.work('b', false));
    all.loop.spawn(all.work('c', false));
    run_until(all.loop, [&all] { return all.told == "abc"; });
    CHECK_FALSE(all.late.take_now()); // the slow one has it
    CHECK(all.quick.take_now());
    all.quick.give_up();
    all.end.wake();
    run_ready(all.loop);
    CHECK(all.late.take_now());
    CHECK(all.quick.take_now());
    CHECK_FALSE(all.quick.take_now());
}

TEST_CASE("passing_turn: no more of them are late than may be, and the next has its turn when one ends") {
    passing_scene all{1};
    REQUIRE(all.late.take_now());
    all.loop.spawn(all.work('a', true));
    all.loop.spawn(all.work('b', false));
    (void)all.loop.take_turn(net::clock::now() + 20ms); // its patience has ended, more than once
    (void)all.loop.take_turn(net::clock::now() + 20ms);
    CHECK(all.told == "a");
    all.late.give_up();
    run_until(all.loop, [&all] { return all.told == "ab"; });
    all.end.wake();
    run_ready(all.loop);
}

TEST_CASE("turns: so many at a time, and the others in their order") {
    scene all;
    for (const char who : {'a', 'b', 'c', 'd'})
        all.loop.spawn(all.take(who));
    run_ready(all.loop);
    CHECK(all.told == "ab");
    all.turns.give_up();
    all.loop.spawn(all.take('e')); // overtakes nobody
    run_ready(all.loop);
    CHECK(all.told == "abc");
    all.turns.give_up();
    all.turns.give_up();
    run_ready(all.loop);
    CHECK(all.told == "abcde");
}
