// SPDX-License-Identifier: BSL-1.0
#include "snipass/telling/recent_failures.hpp"

#include "catch.hpp"
#include "snipass/telling/record.hpp"

#include <algorithm>

using namespace snipass;
using server::outcome;

TEST_CASE("recent_failures: a flood of refused clients hides no backend that is away") {
    server::recent_failures all;
    server::record fault;
    fault.outcome = outcome::backend_absent;
    fault.backend = "blog";
    all.add(fault);
    server::record stranger;
    stranger.outcome = outcome::no_route;
    for (std::uint16_t port = 0; port < 1'000; ++port) {
        stranger.client.port = port;
        stranger.accepted += std::chrono::milliseconds{1};
        all.add(stranger);
    }
    const auto found = all.all();
    CHECK(found.size() == 1 + server::recent_failures::kept);
    CHECK(std::ranges::count(found, outcome::backend_absent, &server::failure::outcome) == 1);
    CHECK(std::ranges::min(found, {}, [](const auto& one) { return one.client.port; }).client.port == 0);
    CHECK(std::ranges::count_if(found, [](const auto& one) { return one.client.port >= 990; }) == 10);
}

TEST_CASE("recent_failures: a flood of one kind hides no other") {
    server::recent_failures all;
    server::record one;
    one.accepted = net::clock::now();
    for (const auto rare : {outcome::denied, outcome::no_route}) {
        one.outcome = rare;
        all.add(one);
    }
    one.outcome = outcome::rate_limited;
    for (std::uint16_t port = 0; port < 1'000; ++port) {
        one.client.port = port;
        one.accepted += std::chrono::milliseconds{1};
        all.add(one);
    }
    auto found = all.all();
    CHECK(found.size() == server::recent_failures::kept);
    CHECK(std::ranges::count(found, outcome::denied, &server::failure::outcome) == 1);
    CHECK(std::ranges::count(found, outcome::no_route, &server::failure::outcome) == 1);
    CHECK(std::ranges::count_if(found, [](const auto& it) { return it.client.port >= 992; }) == 8);
    SECTION("where those of all workers come together") {
        server::thin_out(found, 3);
        CHECK(found.size() == 3);
        CHECK(std::ranges::max(found, {}, [](const auto& it) { return it.client.port; }).client.port == 999);
        CHECK(std::ranges::count(found, outcome::denied, &server::failure::outcome) == 1);
        CHECK(std::ranges::count(found, outcome::no_route, &server::failure::outcome) == 1);
    }
}

TEST_CASE("recent_failures: of what was said the beginning is kept") {
    server::recent_failures all;
    server::record one;
    one.outcome = outcome::malformed;
    one.detail = std::string(10'000, 'd');
    one.hello.emplace(std::string_view{"a.example"}, alpn_list{});
    one.listener = "[::]:443";
    all.add(one);
    const auto found = all.all();
    REQUIRE(found.size() == 1);
    CHECK(found[0].detail == std::string(160, 'd'));
    CHECK(found[0].server_name == "a.example");
    CHECK(found[0].listener == "[::]:443");
}
