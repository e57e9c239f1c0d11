// SPDX-License-Identifier: BSL-1.0
#include "snipass/telling/access_log.hpp"

#include "captured_stderr.hpp"
#include "catch.hpp"
#include "run_coroutine.hpp"

#include <fcntl.h>

#include <algorithm>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;

namespace {

// fixture's log writes to a pipe from a thread of its own.
struct fixture {
    captured_stderr captured;
    net::event_loop loop;
    std::unique_ptr<server::log> log = std::make_unique<server::log>(config::log_settings{});
    std::unique_ptr<server::access_log> access = std::make_unique<server::access_log>(loop, *log);

    void add(int n = 1, server::outcome outcome = server::outcome::handed_off,
             std::string_view client = "192.0.2.1", std::string_view backend = "blog") const {
        server::record one;
        one.outcome = outcome;
        one.backend = backend;
        one.client.address = *ip_address::parse(client);
        one.listener = "test";
        for (int i = 0; i < n; ++i)
            access->add(one);
    }
    // What was written in the end.
    std::string text() {
        access.reset();
        log.reset();
        return captured.text();
    }
    // The number of lines, once everything is written.
    std::ptrdiff_t lines() {
        access.reset();
        log.reset();
        return std::ranges::count(captured.text(), '\n');
    }
};

} // namespace

TEST_CASE("access_log: who left without a byte is told at debug, or where the file asks for it") {
    struct row {
        config::log_level level;
        bool empty;
        std::ptrdiff_t lines;
    };
    const auto row = GENERATE(values<struct row>({{config::log_level::info, false, 1},
                                                  {config::log_level::info, true, 2},
                                                  {config::log_level::debug, false, 2}}));
    fixture test;
    config::log_settings settings;
    settings.level = row.level;
    settings.empty = row.empty;
    test.access->configure(settings);
    server::record one;
    one.listener = "test";
    one.outcome = server::outcome::client_closed;
    test.access->add(one);
    one.has_spoken = true;
    test.access->add(one);
    CHECK(test.lines() == row.lines);
}

TEST_CASE("access_log: a line is written a moment later, without another session") {
    fixture test;
    test.add();
    CHECK_FALSE(is_readable(test.captured.fd(), 0ms));
    // The loop's turn, then the turn of the log's thread, of which the loop knows nothing.
    const auto end = net::clock::now() + patience;
    while (!is_readable(test.captured.fd(), 1ms) && net::clock::now() < end)
        (void)test.loop.take_turn(net::clock::now() + 10ms);
    CHECK(test.lines() == 1);
}

TEST_CASE("access_log: lines are gathered, and a batch does not wait for the moment") {
    fixture test;
    REQUIRE(::fcntl(test.captured.fd(), F_SETPIPE_SZ, 1 << 18) > 0); // room for all of it
    test.add(10);
    CHECK_FALSE(is_readable(test.captured.fd(), 20ms));
    test.add(600); // some 60 KB
    CHECK(is_readable(test.captured.fd()));
    CHECK(test.lines() == 610);
}

TEST_CASE("access_log: nothing is lost at the end") {
    fixture test;
    test.add(3);
    CHECK(test.lines() == 3);
}

TEST_CASE("access_log: flush writes what there is, once") {
    fixture test;
    test.add(2);
    test.access->flush();
    test.access->flush();
    CHECK(is_readable(test.captured.fd()));
    CHECK(test.lines() == 2);
}

TEST_CASE("access_log: configured off it writes nothing, and in JSON it writes JSON") {
    fixture test;
    config::log_settings settings;
    settings.access = false;
    test.access->configure(settings);
    test.add(5);
    settings.access = true;
    settings.format = config::log_format::json;
    test.access->configure(settings);
    test.add();
    test.access.reset();
    test.log.reset();
    const auto text = test.captured.text();
    CHECK(std::ranges::count(text, '\n') == 1);
    CHECK(text.find("{\"time\":") == 0);
}

TEST_CASE("access_log: a source gets ten lines a second of refused clients, and a count of the rest") {
    fixture test;
    test.add(7, server::outcome::malformed);
    test.add(6, server::outcome::destination_refused); // a backend was tried
    test.add(10, server::outcome::no_route, "192.0.2.2");
    test.add(50, server::outcome::handed_off);
    test.add(50, server::outcome::proxied);
    test.add(6, server::outcome::shed, "2001:db8::1");
    test.add(6, server::outcome::shed, "2001:db8::ffff:1"); // the same /64
    test.access.reset();
    test.log.reset();
    const auto text = test.captured.text();
    CHECK(std::ranges::count(text, '\n') == 10 + 10 + 50 + 50 + 10 + 2);
    CHECK(text.find("source=\"192.0.2.1\" lines_left_out=3") != std::string::npos);
    CHECK(text.find("source=\"2001:db8::/64\" lines_left_out=2") != std::string::npos);
    CHECK(text.find("192.0.2.2\" lines_left_out") == std::string::npos);
}

TEST_CASE("access_log: a flood from everywhere hides no fault, and is not one") {
    fixture test;
    for (int i = 0; i < 400; ++i) // a /48 has three places
        test.add(1, server::outcome::no_route, "2001:" + std::to_string(1'000 + i) + "::1");
    test.add(1, server::outcome::no_route); // "many" have had their lines
    test.add(15, server::outcome::backend_absent);
    test.add(1, server::outcome::backend_absent, "192.0.2.1", "shop");
    test.add(1, server::outcome::backend_declined);
    test.add(1, server::outcome::internal_error, "192.0.2.1", "");
    const auto text = test.text();
    const auto count = [&text](std::string_view what) {
        std::size_t found = 0;
        for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
            ++found;
        return found;
    };
    CHECK(count("session no_route client=192.0.2.1") == 0);
    CHECK(count("session backend_absent") == 10 + 1);
    CHECK(count("session backend_declined") == 1);
    CHECK(count("session internal_error") == 1);
    CHECK(count("source=\"many\" lines_left_out=") == 1);
}
