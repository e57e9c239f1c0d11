// SPDX-License-Identifier: BSL-1.0
// Whether a backend takes clients: what the log hears of it, from however many workers.
#include "snipass/backends/presence.hpp"

#include "captured_stderr.hpp"
#include "catch.hpp"
#include "snipass/backends/address_book.hpp"

#include <algorithm>
#include <functional>
#include <string>

using namespace snipass;
using namespace snipass::testing;
using server::outcome;

namespace {

std::string logged(const std::function<void(server::log&)>& job) {
    captured_stderr output;
    {
        server::log log{{}};
        job(log);
    }
    return output.text();
}

} // namespace

TEST_CASE("presence: a backend that is away is told of once, and so is its return") {
    server::presence one;
    const auto lines = logged([&](server::log& log) {
        one.took(log, "blog");
        for (int i = 0; i < 5; ++i)
            one.did_not_take(log, "blog", outcome::backend_declined, "backend_declined");
        CHECK(one.is_away());
        for (int i = 0; i < 5; ++i)
            one.took(log, "blog");
        CHECK_FALSE(one.is_away());
    });
    CHECK(std::ranges::count(lines, '\n') == 2);
    CHECK(lines.find(R"(warn a backend does not take clients backend="blog" why="backend_declined")"
                     "\n") != std::string::npos);
    CHECK(lines.find(R"(info a backend takes clients again backend="blog")") != std::string::npos);
}

TEST_CASE("presence: the line has a detail where that says more") {
    server::presence one;
    const auto lines = logged([&](server::log& log) {
        one.did_not_take(log, "blog", outcome::backend_absent, "No such file or directory");
    });
    CHECK(lines.find(R"(why="backend_absent" detail="No such file or directory")") != std::string::npos);
}

TEST_CASE("presence: one that comes and goes does not fill the log") {
    server::presence one;
    const auto lines = logged([&](server::log& log) {
        for (int i = 0; i < 1'000; ++i) {
            one.did_not_take(log, "blog", outcome::backend_declined, "");
            one.took(log, "blog");
        }
    });
    CHECK(std::ranges::count(lines, '\n') < 100); // two a second, however slow the machine is
}

TEST_CASE("presence: what is no fault of the backend's does not make it one that is away") {
    CHECK(server::is_backends_fault(outcome::backend_absent));
    CHECK(server::is_backends_fault(outcome::backend_silent));
    CHECK_FALSE(server::is_backends_fault(outcome::backend_max_pending));
    CHECK_FALSE(server::is_backends_fault(outcome::no_resources));
    CHECK_FALSE(server::is_backends_fault(outcome::destination_refused));
    CHECK_FALSE(server::is_backends_fault(outcome::client_closed));
}

TEST_CASE("presence: all workers, and the snapshots before and after a reload, share a backend's") {
    server::address_book book;
    const auto one = book.presence_of("blog");
    CHECK(book.presence_of("blog") == one);
    CHECK(book.presence_of("other") != one);
}
