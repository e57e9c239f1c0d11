// SPDX-License-Identifier: BSL-1.0
// What is known of addresses goes from one process to the next.
#include "snipass/backends/address_book.hpp"

#include "snipass/net/moved_time.hpp"

#include "catch.hpp"

#include <chrono>

using namespace snipass;
using namespace std::chrono_literals;

namespace {

config::configuration file_with(const std::string& host) {
    config::configuration made;
    auto& backend = made.backends.emplace_back();
    backend.name = "far";
    config::relay_settings relay;
    relay.addresses.emplace_back().host = host;
    backend.kind = relay;
    return made;
}

upgrade::state told_by(const server::address_book& book) {
    upgrade::state told;
    book.add_to(told);
    return told;
}

} // namespace

TEST_CASE("address_book: the next process knows who was ejected, and who is away") {
    server::address_book first;
    const auto bad = first.at("far", "10.0.0.5:443");
    const auto good = first.at("far", "10.0.0.6:443");
    CHECK_FALSE(bad->failed(2));
    CHECK(bad->failed(2));
    bad->too_slow_for = 250ms;
    const auto far = first.presence_of("far");
    far->begin_with(true, true);
    far->checked = net::clock::now();
    first.failed_lookups = 7;

    server::address_book second;
    second.begin_with(told_by(first), file_with("far.example.com"));
    CHECK(second.failed_lookups == 7);
    CHECK(second.at("far", "10.0.0.5:443")->ejected);
    CHECK(second.at("far", "10.0.0.5:443")->failures == 2);
    CHECK(second.at("far", "10.0.0.5:443")->too_slow_for.load() == 250ms);
    CHECK_FALSE(second.at("far", "10.0.0.6:443")->ejected);
    const auto known = second.presence_of("far");
    CHECK(known->is_away());
    CHECK(known->is_told());
    CHECK(known->ejections == 1);
    CHECK(known->checked.load() == far->checked.load());
    CHECK(second.at("far", "10.0.0.5:443")->of == known);
}

TEST_CASE("address_book: what nobody has asked for is forgotten") {
    server::address_book first;
    const auto bad = first.at("far", "10.0.0.5:443");
    const auto worse = first.at("far", "10.0.0.6:443");
    CHECK(bad->failed(1));
    CHECK(worse->failed(1));
    server::address_book second;
    second.begin_with(told_by(first), {});
    const auto asked_for = second.at("far", "10.0.0.5:443");
    second.forget_before();
    CHECK(second.at("far", "10.0.0.5:443")->ejected);
    CHECK_FALSE(second.at("far", "10.0.0.6:443")->ejected);
}

TEST_CASE("address_book: the next process knows the answers for names that its file has") {
    server::address_book first;
    const auto addresses = std::vector{*ip_address::parse("10.0.0.5"), *ip_address::parse("2001:db8::5")};
    CHECK(first.learn("far.example.com", addresses));
    CHECK(first.learn("gone.example.com", addresses));
    first.has_failed("none.example.com", {});
    server::address_book second;
    second.begin_with(told_by(first), file_with("far.example.com"));
    REQUIRE(second.find("far.example.com"));
    CHECK(*second.find("far.example.com") == addresses);
    CHECK(second.learned_at("far.example.com") == first.learned_at("far.example.com"));
    CHECK_FALSE(second.knows("gone.example.com"));
    CHECK_FALSE(second.knows("none.example.com"));
    CHECK_FALSE(second.learn("far.example.com", addresses));
}

TEST_CASE("address_book: an answer is as old as the last one that said so") {
    server::address_book book;
    CHECK(book.learned_at("far.example.com") == net::time_point{});
    CHECK(book.learn("far.example.com", {*ip_address::parse("10.0.0.5")}));
    const auto first = book.learned_at("far.example.com");
    CHECK(first != net::time_point{});
    while (net::clock::now() == first)
        ;
    CHECK_FALSE(book.learn("far.example.com", {*ip_address::parse("10.0.0.5")}));
    CHECK(book.learned_at("far.example.com") > first);
}
