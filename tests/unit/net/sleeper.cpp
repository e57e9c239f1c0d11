// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/sleeper.hpp"

#include "catch.hpp"
#include "run_coroutine.hpp"
#include "same_descriptors.hpp"

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;

TEST_CASE("sleeper: sleeps until its time, and not less") {
    const same_descriptors check;
    net::event_loop loop;
    net::sleeper sleeper{loop};
    const auto until = net::clock::now() + 5ms;
    CHECK(run(loop, finished(sleeper.sleep(until))));
    CHECK(net::clock::now() >= until);
}

TEST_CASE("sleeper: a time that has passed is no sleep") {
    net::event_loop loop;
    net::sleeper sleeper{loop};
    CHECK(run(loop, finished(sleeper.sleep(net::clock::now() - 1s))));
}

TEST_CASE("sleeper: woken before its time") {
    net::event_loop loop;
    net::sleeper sleeper{loop};
    spawned sleep{loop, finished(sleeper.sleep(net::clock::now() + 1h))};
    run_ready(loop);
    CHECK_FALSE(sleep.done());
    sleeper.wake();
    CHECK(sleep.get());
}

TEST_CASE("sleeper: without an end it sleeps until it is woken") {
    net::event_loop loop;
    net::sleeper sleeper{loop};
    spawned sleep{loop, finished(sleeper.sleep(net::time_point::max()))};
    run_ready(loop);
    CHECK_FALSE(sleep.done());
    sleeper.wake();
    CHECK(sleep.get());
}

TEST_CASE("sleeper: a wake that finds nobody asleep is forgotten") {
    net::event_loop loop;
    net::sleeper sleeper{loop};
    sleeper.wake();
    const auto until = net::clock::now() + 5ms;
    CHECK(run(loop, finished(sleeper.sleep(until))));
    CHECK(net::clock::now() >= until);
}

TEST_CASE("sleeper: it can sleep again, after its time and after a wake") {
    net::event_loop loop;
    net::sleeper sleeper{loop};
    CHECK(run(loop, finished(sleeper.sleep(net::clock::now() + 1ms))));
    spawned woken{loop, finished(sleeper.sleep(net::clock::now() + 1h))};
    run_ready(loop);
    sleeper.wake();
    CHECK(woken.get());
    CHECK(run(loop, finished(sleeper.sleep(net::clock::now() + 1ms))));
}

TEST_CASE("sleeper: the loop may end while it sleeps") {
    const same_descriptors check;
    net::event_loop loop;
    net::sleeper sleeper{loop};
    const spawned sleep{loop, finished(sleeper.sleep(net::clock::now() + 1h))};
    run_ready(loop);
    loop.destroy_tasks();
    CHECK_FALSE(sleep.done());
}
