// SPDX-License-Identifier: BSL-1.0
#include "snipass/base/rate.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

using namespace snipass;
using namespace std::chrono_literals;

namespace {

constexpr moment start = 1h;

} // namespace

TEST_CASE("token_bucket: a burst at once, then the rate") {
    struct row {
        const char* name;
        rate limit;
        std::vector<moment> times; // of those who come
        std::string taken;         // y or n for each
    };
    for (const auto& row : std::vector<struct row>{
             {"a burst of one is one in each interval",
              {10, 1},
              {0ms, 0ms, 99ms, 100ms, 150ms, 200ms},
              "ynnyny"},
             {"a burst of three", {10, 3}, {0ms, 0ms, 0ms, 0ms, 100ms, 100ms}, "yyynyn"},
             {"who is refused takes nothing", {1, 1}, {0ms, 500ms, 900ms, 1000ms}, "ynny"},
             {"nobody saves up more than the burst", {10, 2}, {0ms, 10s, 10s, 10s}, "yyyn"},
         }) {
        token_bucket bucket;
        std::string taken;
        for (const auto time : row.times)
            taken += bucket.take(row.limit, start + time) ? 'y' : 'n';
        INFO(row.name);
        CHECK(taken == row.taken);
    }
}

TEST_CASE("token_bucket: what was given back can be taken") {
    token_bucket bucket;
    const rate limit{1, 1};
    CHECK(bucket.take(limit, start));
    CHECK_FALSE(bucket.take(limit, start));
    bucket.give_back(limit);
    CHECK(bucket.take(limit, start));
}
