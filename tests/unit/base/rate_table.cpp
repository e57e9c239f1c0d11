// SPDX-License-Identifier: BSL-1.0
#include "snipass/base/rate_table.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

using namespace snipass;
using namespace std::chrono_literals;

namespace {

constexpr moment start = 1h;

ip_prefix host(std::uint32_t number) {
    const auto byte = [number](unsigned shift) { return static_cast<std::uint8_t>(number >> shift); };
    return {ip_address::v4({byte(24), byte(16), byte(8), byte(0)}), 32};
}

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

TEST_CASE("rate_table: each network has a bucket of its own") {
    rate_table table{64, 0};
    const rate limit{1, 1};
    CHECK(table.take(host(1), limit, start));
    CHECK(table.take(host(2), limit, start));
    CHECK_FALSE(table.take(host(1), limit, start));
    CHECK(table.take({ip_address::parse("2001:db8::").value(), 64}, limit, start));
    CHECK(table.take({ip_address::parse("2001:db8::").value(), 56}, limit, start));
    CHECK(table.take(host(1), limit, start + 1s));
}

TEST_CASE("rate_table: a million networks take no more memory than it was made with") {
    constexpr std::size_t networks = 4'096;
    rate_table table{networks, 0x123456789abcdef0};
    const auto before = table.bytes();
    CHECK(before == networks * 32);
    for (std::uint32_t i = 0; i < 1'000'000; ++i)
        (void)table.take(host(i), {1, 1}, start + moment{i});
    CHECK(table.bytes() == before);
    CHECK(table.size() <= networks);
    CHECK(table.size() > networks * 9 / 10); // all of it is used
}

TEST_CASE("rate_table: one that has used up its tokens is not forgotten for those who come once") {
    const auto key = GENERATE(std::uint64_t{0}, std::uint64_t{0xfeedfacecafebeef});
    rate_table table{1'024, key};
    const rate limit{1, 5};
    for (int i = 0; i < 5; ++i)
        CHECK(table.take(host(0xffffffff), limit, start));
    for (std::uint32_t i = 0; i < 100'000; ++i)
        (void)table.take(host(i), limit, start + moment{i});
    CHECK_FALSE(table.take(host(0xffffffff), limit, start + 900ms));
    CHECK(table.take(host(0xffffffff), limit, start + 1s));
}

TEST_CASE("rate_table: neighbours are spread over all of it") {
    rate_table table{65'536, 1};
    for (std::uint32_t i = 0; i < 32'768; ++i)
        (void)table.take(host(0x0a000000 + i), {1, 1}, start);
    CHECK(table.size() > 32'768 * 98 / 100); // half full, hardly one has displaced another
}
