// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/turns.hpp"

#include "catch.hpp"
#include "run_coroutine.hpp"

#include <string>

using namespace snipass;
using namespace snipass::testing;

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
