// SPDX-License-Identifier: BSL-1.0
#include "snipass/telling/fault_limit.hpp"

#include "catch.hpp"

using namespace snipass;
using namespace std::chrono_literals;
using server::outcome;

namespace {

struct fixture {
    server::fault_limit limit{2, 5};
    net::time_point now = net::clock::now();

    // How many of so many lines may be written.
    int written(std::string_view backend, int lines, outcome why = outcome::backend_absent) {
        int count = 0;
        for (int i = 0; i < lines; ++i)
            count += limit.may_write(backend, why, now) ? 1 : 0;
        return count;
    }
};

} // namespace

TEST_CASE("fault_limit: each outcome of each backend has its own lines, and so has what is no backend's") {
    fixture test;
    CHECK(test.written("blog", 5) == 2);
    CHECK(test.written("blog", 1, outcome::backend_declined) == 1);
    CHECK(test.written("shop", 1) == 1);
    CHECK(test.written("", 1, outcome::internal_error) == 1);
}

TEST_CASE("fault_limit: after a second there are lines again") {
    fixture test;
    CHECK(test.written("blog", 3) == 2);
    test.now += 999ms;
    CHECK(test.written("blog", 3) == 0);
    test.now += 1ms;
    CHECK(test.written("blog", 3) == 2);
}

TEST_CASE(
    "fault_limit: many faults at once share a bound, and each has a line a minute whatever the others do") {
    fixture test;
    constexpr int many = 100;
    const auto written = [&test] {
        int count = 0;
        for (int i = 0; i < many; ++i)
            count += test.written(std::to_string(i), 2);
        return count;
    };
    CHECK(written() == 2 + 2 + many - 2); // the third's first is the fifth of all
    test.now += 1s;
    CHECK(written() == 5); // nobody's first
    test.now += 58s;
    CHECK(test.written("late", 2) + test.written("later", 2) + test.written("latest", 2) == 5);
    CHECK(test.written("last", 2) == 1);
    test.now += 1s;
    CHECK(written() == 2 + 2 + many - 2);
}

TEST_CASE("fault_limit: a reload's other share holds from the next line on") {
    fixture test;
    CHECK(test.written("blog", 3) == 2);
    test.limit.set_most(3, 10);
    CHECK(test.written("blog", 3) == 1);
}
