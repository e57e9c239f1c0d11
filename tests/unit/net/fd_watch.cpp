// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/fd_watch.hpp"

#include "catch.hpp"
#include "epoll_registrations.hpp"
#include "run_coroutine.hpp"
#include "same_descriptors.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "tcp_client.hpp"

#include <fcntl.h>

#include <thread>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;

namespace {

const auto a_reason = os::make_error(ECANCELED);

net::time_point soon() {
    return net::clock::now() + 5ms;
}

net::time_point late() {
    return net::clock::now() + patience;
}

// watch_once has the loop watch the descriptor, and ends the wait.
void watch_once(net::event_loop& loop, net::fd_watch& watch) {
    spawned wait{loop, as_task(watch.readable(late()))};
    run_ready(loop);
    watch.interrupt(a_reason);
    REQUIRE(wait.get() == a_reason);
}

} // namespace

TEST_CASE("fd_watch: bytes that are there already make it readable") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    pair.client.send("x");
    CHECK(run(loop, as_task(watch.readable(late()))) == error_code{});
    CHECK(run(loop, as_task(watch.readable(late()))) == error_code{}); // they still are
}

TEST_CASE("fd_watch: bytes that come later make it readable, and so does the end") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    spawned wait{loop, as_task(watch.readable(net::time_point::max()))};
    run_ready(loop);
    REQUIRE_FALSE(wait.done());
    SECTION("bytes") {
        pair.client.send("x");
    }
    SECTION("the end") {
        pair.client.finish();
    }
    CHECK(wait.get() == error_code{});
}

TEST_CASE("fd_watch: writable when there is room") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    CHECK(run(loop, as_task(watch.writable(late()))) == error_code{});
    const std::string chunk(65'536, 'x');
    std::size_t sent = 0;
    for (ssize_t n = 0; n >= 0; sent += static_cast<std::size_t>(std::max<ssize_t>(n, 0)))
        n = ::send(pair.accepted.get(), chunk.data(), chunk.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    CHECK(run(loop, as_task(watch.writable(soon()))) == net::wait_error::timed_out);
    (void)pair.client.receive(sent);
    CHECK(run(loop, as_task(watch.writable(late()))) == error_code{});
}

TEST_CASE("fd_watch: the deadline ends a wait, and the next one is as good as new") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    const auto deadline = soon();
    CHECK(run(loop, as_task(watch.readable(deadline))) == net::wait_error::timed_out);
    CHECK(net::clock::now() >= deadline);
    CHECK(run(loop, as_task(watch.readable(net::clock::now() - 1s))) == net::wait_error::timed_out);
    pair.client.send("x");
    CHECK(run(loop, as_task(watch.readable(late()))) == error_code{});
}

// Who waits in a loop for more than there is would otherwise never hear of the deadline.
TEST_CASE("fd_watch: a deadline that has passed ends a wait, even of a descriptor that is ready") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    pair.client.send("x");
    const auto deadline = net::clock::now() - 1s;
    REQUIRE(is_readable(pair.accepted.get()));
    CHECK(run(loop, as_task(watch.readable(deadline))) == error_code{}); // one look
    CHECK(run(loop, as_task(watch.readable(deadline))) == net::wait_error::timed_out);
    CHECK(run(loop, as_task(watch.readable(deadline))) == net::wait_error::timed_out);
    CHECK(run(loop, as_task(watch.readable(late()))) == error_code{});
    CHECK(run(loop, as_task(watch.readable(deadline))) == error_code{}); // and one after another deadline
}

// As if this process had been stopped (SIGSTOP, a snapshot, swap) from before the bytes came until after the
// deadline.
TEST_CASE("fd_watch: what came before a deadline was seen is not overlooked") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    const auto deadline = soon();
    SECTION("while it waited") {
        spawned wait{loop, as_task(watch.readable(deadline))};
        std::this_thread::sleep_until(deadline + 1ms);
        pair.client.send("x");
        REQUIRE(is_readable(pair.accepted.get()));
        CHECK(wait.get() == error_code{});
    }
    SECTION("before it waited") {
        std::this_thread::sleep_until(deadline + 1ms);
        pair.client.send("x");
        REQUIRE(is_readable(pair.accepted.get()));
        CHECK(run(loop, as_task(watch.readable(deadline))) == error_code{});
    }
}

TEST_CASE("fd_watch: an interruption ends a wait with its reason") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    const auto what = GENERATE(0, 1);
    spawned wait{loop, what == 0 ? as_task(watch.readable(late())) : as_task(watch.pause(late()))};
    run_ready(loop);
    watch.interrupt(a_reason);
    CHECK(wait.get() == a_reason);
}

TEST_CASE("fd_watch: an interruption wins over bytes that come in the same moment") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    spawned wait{loop, as_task(watch.readable(late()))};
    run_ready(loop);
    pair.client.send("x");
    REQUIRE(is_readable(pair.accepted.get()));
    watch.interrupt(a_reason);
    CHECK(wait.get() == a_reason);
}

TEST_CASE("fd_watch: an interruption without a wait is forgotten") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    watch.interrupt(a_reason);
    CHECK(run(loop, as_task(watch.readable(soon()))) == net::wait_error::timed_out);
}

TEST_CASE("fd_watch: a pause lasts until its time, whatever the peer does meanwhile") {
    const same_descriptors check;
    tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    SECTION("nothing") {}
    SECTION("bytes") {
        pair.client.send("x");
    }
    SECTION("FIN") {
        pair.client.finish();
    }
    SECTION("RST") {
        pair.client.reset();
    }
    // It makes poll(2) report POLLPRI for as long as it is unread, and nobody reads it.
    SECTION("urgent data") {
        pair.client.send_urgent('!');
    }
    SECTION("what a wait before it was for") {
        CHECK(run(loop, as_task(watch.readable(soon()))) == net::wait_error::timed_out);
        pair.client.send("x");
    }
    const auto until = soon();
    CHECK(run(loop, as_task(watch.pause(until))) == net::wait_error::timed_out);
    CHECK(net::clock::now() >= until);
}

TEST_CASE("fd_watch: it leaves no registration behind") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    {
        net::fd_watch watch{loop, pair.accepted.get()};
        watch_once(loop, watch);
        CHECK(is_registered(pair.accepted.get()));
    }
    CHECK_FALSE(is_registered(pair.accepted.get()));
    CHECK(option_of(pair.accepted.get(), SOL_SOCKET, SO_ERROR) == 0); // and the descriptor is open
}

TEST_CASE("fd_watch: closed, the descriptor is closed once and its registration gone") {
    const same_descriptors check;
    net::event_loop loop;
    tcp_connection pair;
    const int number = pair.accepted.get();
    {
        net::fd_watch watch{loop, number};
        watch_once(loop, watch);
        CHECK(is_registered(number));
        watch.close(std::move(pair.accepted));
        CHECK_FALSE(is_registered(number));
        CHECK(pair.client.read_to_end() == ending::fin);
        // The number is somebody else's now, and stays so when the watch is gone.
        pair.accepted.reset(::dup(pair.client.fd()));
        REQUIRE(pair.accepted.get() == number);
    }
    CHECK(option_of(number, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
}

TEST_CASE("fd_watch: news is what happens, not what is") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    pair.client.send("x");
    wait_until_unread(pair.accepted.get(), 1);
    CHECK(run(loop, as_task(watch.news())) == error_code{}); // at first, what is there
    spawned wait{loop, as_task(watch.news())};
    run_ready(loop);
    CHECK_FALSE(wait.done());
    pair.client.send("y");
    CHECK(wait.get() == error_code{});
}

TEST_CASE("fd_watch: news that comes during a pause is not lost, and does not end it") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    CHECK(run(loop, as_task(watch.news())) == error_code{}); // that it can be written to
    spawned pause{loop, as_task(watch.pause(late()))};
    pair.client.send("x");
    wait_until_unread(pair.accepted.get(), 1);
    run_ready(loop);
    REQUIRE_FALSE(pause.done());
    watch.interrupt(a_reason);
    CHECK(pause.get() == a_reason);
    CHECK(run(loop, as_task(watch.news())) == error_code{});
}

TEST_CASE("fd_watch: what cannot be watched is a result, and the descriptor stays its owner's") {
    const same_descriptors check;
    net::event_loop loop;
    net::fd_watch none{loop, -1};
    CHECK(run(loop, as_task(none.readable(late()))) == os::make_error(EBADF));
    const os::unique_fd file{::open("/proc/self/status", O_RDONLY | O_CLOEXEC)};
    net::fd_watch watch{loop, file.get()};
    CHECK(run(loop, as_task(watch.readable(late()))) == os::make_error(EPERM)); // epoll_ctl(2): files
}

TEST_CASE("fd_watch: the loop may end while it waits") {
    const same_descriptors check;
    const tcp_connection pair;
    net::event_loop loop;
    net::fd_watch watch{loop, pair.accepted.get()};
    const spawned wait{loop, as_task(watch.readable(late()))};
    run_ready(loop);
    loop.destroy_tasks();
    CHECK_FALSE(wait.done());
}
