// SPDX-License-Identifier: BSL-1.0
#include "snipass/backends/rate_table.hpp"

#include "catch.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

using namespace snipass;
using namespace std::chrono_literals;
using server::rate_table;

namespace {

constexpr moment start = 1h;

ip_prefix host(std::uint32_t number) {
    const auto byte = [number](unsigned shift) { return static_cast<std::uint8_t>(number >> shift); };
    return {ip_address::v4({byte(24), byte(16), byte(8), byte(0)}), 32};
}

} // namespace

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

TEST_CASE("rate_table: the levels of one source are three networks, in the smallest table, too") {
    rate_table table{1, GENERATE(std::uint64_t{0}, std::uint64_t{0xfeedfacecafebeef})};
    const rate limit{1, 1};
    const auto source = ip_address::parse("2001:db8::").value(); // also the first of its /56 and its /48
    for (const unsigned length : {64U, 56U, 48U}) {
        CHECK(table.take({source, length}, limit, start));
        CHECK_FALSE(table.take({source, length}, limit, start));
    }
    CHECK(table.take({ip_address::parse("0:ffff::").value(), 64}, limit, start)); // as 0.0.0.0 has it
    CHECK(table.take(host(0), limit, start));
    CHECK(table.size() == 5);
}

TEST_CASE("rate_table: many threads that meet in few places give nobody more than his burst") {
    constexpr std::size_t threads = 4, networks = 2'000, burst = 3;
    rate_table table{65'536, 7};
    std::vector<std::atomic<std::size_t>> taken(networks);
    {
        std::vector<std::jthread> all;
        for (std::size_t i = 0; i < threads; ++i)
            all.emplace_back([&] {
                for (std::uint32_t n = 0; n < networks; ++n)
                    for (std::size_t again = 0; again < burst; ++again)
                        taken[n] += table.take(host(n), {1, burst}, start) ? 1 : 0;
            });
    }
    CHECK(std::ranges::all_of(taken, [](const auto& one) { return one == burst; }));
}

TEST_CASE("rate_table: where more threads meet than there is room for, each goes on") {
    rate_table table{32, 7};
    std::atomic<std::size_t> refused = 0;
    {
        std::vector<std::jthread> all;
        for (std::uint32_t i = 0; i < 4; ++i)
            all.emplace_back([&, i] {
                for (std::uint32_t n = 0; n < 100'000; ++n) {
                    const auto network = host(n * 7 % 61 + i);
                    refused += table.take(network, {1, 2}, start) ? 0 : 1;
                    table.give_back(network, {1, 2});
                }
            });
    }
    CHECK(table.size() <= 32);
    CHECK(refused < 400'000);
    for (std::uint32_t n = 0; n < 61; ++n)
        CHECK(table.take(host(n), {1, 2}, start + 10s)); // nobody was left without his token
}

TEST_CASE("rate_table: a million networks take no more memory than it was made with") {
    constexpr std::size_t networks = 4'096;
    rate_table table{networks, 0x123456789abcdef0};
    const auto before = table.bytes();
    CHECK(before == networks * 16);
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
