// SPDX-License-Identifier: BSL-1.0
#include "snipass/backends/arrivals.hpp"

#include "catch.hpp"
#include "scarce_memory.hpp"
#include "snipass/backends/address_book.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace snipass;
using namespace std::chrono_literals;
using server::arrivals;

namespace {

constexpr moment start = 1h;

ip_address address(const std::string& text) {
    return ip_address::parse(text).value();
}

config::admission_settings limits(std::optional<rate> per_source, std::optional<rate> all = std::nullopt) {
    return {.per_source = per_source, .all = all};
}

// That of a listener with max_rate_per_source.
struct counting : arrivals {
    counting() { remember_sources(); }
};

} // namespace

TEST_CASE("arrivals: a source beyond its rate is refused, and no other") {
    counting lately;
    const auto limit = limits(rate{1, 2});
    CHECK(lately.why_too_often(address("192.0.2.1"), limit, start).empty());
    CHECK(lately.why_too_often(address("192.0.2.1"), limit, start).empty());
    CHECK(lately.why_too_often(address("192.0.2.1"), limit, start) == "max_rate_per_source");
    CHECK(lately.why_too_often(address("192.0.2.2"), limit, start).empty());
    CHECK(lately.why_too_often(address("192.0.2.1"), limit, start + 1s).empty());
}

TEST_CASE("arrivals: an IPv6 /64 is one source, a /56 has four shares and a /48 sixteen") {
    struct row {
        const char* name;
        std::function<std::string(int)> address; // of the client that comes as the i-th
        int may;
    };
    const auto hex = [](int number) {
        std::string text;
        for (int shift = 12; shift >= 0; shift -= 4)
            text += "0123456789abcdef"[number >> shift & 15];
        return text;
    };
    for (const auto& row : std::vector<struct row>{
             {"one /64", [&](int i) { return "2001:db8:1:1::" + hex(i); }, 1},
             {"one /56", [&](int i) { return "2001:db8:1:" + hex(0x100 + i) + "::1"; }, 4},
             {"one /48", [&](int i) { return "2001:db8:1:" + hex(i * 0x100) + "::1"; }, 16},
             {"many /48", [&](int i) { return "2001:db8:" + hex(i) + "::1"; }, 100},
         }) {
        INFO(row.name);
        counting lately;
        int came = 0;
        for (int i = 0; i < 100; ++i)
            came += lately.why_too_often(address(row.address(i)), limits(rate{1, 1}), start).empty() ? 1 : 0;
        CHECK(came == row.may);
    }
}

TEST_CASE("arrivals: one of a /56 that has had its clients takes nothing from its neighbours") {
    counting lately;
    const auto limit = limits(rate{1, 1});
    for (int i = 0; i < 10; ++i)
        (void)lately.why_too_often(address("2001:db8:1:100::1"), limit, start);
    for (const auto* const neighbour : {"2001:db8:1:101::1", "2001:db8:1:102::1", "2001:db8:1:103::1"})
        CHECK(lately.why_too_often(address(neighbour), limit, start).empty());
    CHECK(lately.why_too_often(address("2001:db8:1:104::1"), limit, start) == "max_rate_per_source");
}

TEST_CASE("arrivals: max_rate is for all, and who is beyond its own rate takes nothing of it") {
    counting lately;
    const auto limit = limits(rate{1, 1}, rate{1, 3});
    CHECK(lately.why_too_often(address("192.0.2.1"), limit, start).empty());
    for (int i = 0; i < 10; ++i)
        CHECK(lately.why_too_often(address("192.0.2.1"), limit, start) == "max_rate_per_source");
    CHECK(lately.why_too_often(address("192.0.2.2"), limit, start).empty());
    CHECK(lately.why_too_often(address("192.0.2.3"), limit, start).empty());
    CHECK(lately.why_too_often(address("192.0.2.4"), limit, start) == "max_rate");
    // It was refused for the others, so it has its own token still.
    CHECK(lately.why_too_often(address("192.0.2.4"), limits(rate{1, 1}), start).empty());
}

TEST_CASE("arrivals: a million sources cost no more than the bound says") {
    counting lately;
    std::array<std::uint8_t, 4> bytes{10, 0, 0, 0};
    for (unsigned i = 0; i < 1'000'000; ++i) {
        bytes[1] = static_cast<std::uint8_t>(i >> 16);
        bytes[2] = static_cast<std::uint8_t>(i >> 8);
        bytes[3] = static_cast<std::uint8_t>(i);
        (void)lately.why_too_often(ip_address::v4(bytes), limits(rate{10, 10}), start + moment{i});
    }
    CHECK(lately.networks() <= arrivals::most_networks);
    CHECK(lately.networks() > arrivals::most_networks * 9 / 10);
    CHECK(lately.bytes() == 1U << 20);
}

TEST_CASE("arrivals: max_rate alone remembers nobody") {
    arrivals lately;
    CHECK(lately.why_too_often(address("192.0.2.1"), limits({}, rate{1, 1}), start).empty());
    CHECK(lately.networks() == 0);
    CHECK(lately.bytes() == 0);
}

TEST_CASE("arrivals: the numbers are exact, however many workers ask at once") {
    counting lately;
    constexpr std::size_t burst = 500;
    const auto limit = GENERATE_COPY(limits(rate{1, burst}), limits({}, rate{1, burst}));
    std::atomic<std::size_t> came = 0;
    {
        std::vector<std::jthread> workers;
        for (int i = 0; i < 4; ++i)
            workers.emplace_back([&] {
                for (int n = 0; n < 1'000; ++n)
                    came += lately.why_too_often(address("192.0.2.1"), limit, start).empty() ? 1 : 0;
            });
    }
    CHECK(came == burst);
}

#ifndef SNIPASS_SANITIZED
TEST_CASE("arrivals: a client that is counted takes no memory") {
    counting lately;
    const auto limit = limits(rate{1, 1}, rate{1, 2});
    const std::array clients{address("192.0.2.1"), address("192.0.2.1"), address("2001:db8::1"),
                             address("192.0.2.3")};
    std::array<std::string_view, clients.size()> why;
    {
        const testing::scarce_memory none{0}; // what asks for memory throws
        std::ranges::transform(clients, why.begin(), [&](const ip_address& client) {
            return lately.why_too_often(client, limit, start);
        });
    }
    CHECK(why == std::array<std::string_view, 4>{"", "max_rate_per_source", "", "max_rate"});
}
#endif

TEST_CASE("arrivals: what all workers know of a listener outlives a reload") {
    server::address_book book;
    const auto first = book.arrivals_at("[::]:443", false);
    CHECK(first->bytes() == 0);
    CHECK(book.arrivals_at("[::]:443", true) == first);
    CHECK(first->bytes() > 0);
    CHECK(book.arrivals_at("[::]:80", true) != first);
}
