// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/interruption.hpp"

#include "catch.hpp"
#include "run_coroutine.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/net/wait_error.hpp"

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;

TEST_CASE("interruption: it ends the sleep that it covers") {
    net::event_loop loop;
    net::sleeper sleeper{loop};
    net::interruption one;
    spawned sleep{loop, finished(sleeper.sleep(net::time_point::max()))};
    const net::interruption::cover covered{one, sleeper};
    run_ready(loop);
    CHECK_FALSE(sleep.done());
    CHECK_FALSE(one.has_come());
    one.come();
    CHECK_FALSE(sleep.done()); // not within the call
    CHECK(one.has_come());
    CHECK(sleep.get());
}

TEST_CASE("interruption: it ends the wait for a descriptor that it covers, though that is ready meanwhile") {
    net::event_loop loop;
    const tcp_connection pair;
    net::fd_watch watch{loop, pair.accepted.get()};
    net::interruption one;
    spawned wait{loop, as_task(watch.readable(net::time_point::max()))};
    const net::interruption::cover covered{one, watch};
    run_ready(loop);
    CHECK_FALSE(wait.done());
    one.come();
    pair.client.send("x");
    CHECK(wait.get() == net::wait_error::cancelled);
}

TEST_CASE("interruption: a wait that is covered no longer goes on") {
    net::event_loop loop;
    net::sleeper sleeper{loop};
    net::interruption one;
    spawned sleep{loop, finished(sleeper.sleep(net::clock::now() + 1h))};
    { const net::interruption::cover covered{one, sleeper}; }
    one.come();
    run_ready(loop);
    CHECK_FALSE(sleep.done());
    loop.destroy_tasks();
}
