// SPDX-License-Identifier: BSL-1.0
#include "snipass/backends/target_list.hpp"

#include "catch.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace {

using namespace snipass;
using server::address_book;
using server::target_list;

config::backend_settings backend_at(std::vector<config::proxy_address> proxy, config::balance balance) {
    config::backend_settings settings;
    settings.name = "far";
    auto& relay = settings.kind.emplace<config::relay_settings>();
    relay.addresses = std::move(proxy);
    relay.balance = balance;
    return settings;
}

config::proxy_address literal(const std::string& host) {
    return {{}, host, 443, host + ":443"};
}

std::vector<std::string> names(const std::vector<server::candidate>& order) {
    std::vector<std::string> all;
    for (const auto& one : order)
        all.push_back(server::name_of(one));
    return all;
}

const ip_address client = *ip_address::parse("198.51.100.7");

const std::vector<config::proxy_address> three{
    literal("10.0.0.1"), literal("10.0.0.2"), {"/run/x.sock", {}, 0, "unix:/run/x.sock"}};

} // namespace

TEST_CASE("target_list: order is the file's, what is ejected comes last") {
    address_book book;
    const auto settings = backend_at(three, config::balance::order);
    target_list list{settings, book};
    CHECK(names(list.in_order(client)) ==
          std::vector<std::string>{"10.0.0.1:443", "10.0.0.2:443", "/run/x.sock"});
    const auto first = list.in_order(client)[0].state;
    first->failed(2);
    CHECK(names(list.in_order(client))[0] == "10.0.0.1:443");
    first->failed(2);
    CHECK(names(list.in_order(client)) ==
          std::vector<std::string>{"10.0.0.2:443", "/run/x.sock", "10.0.0.1:443"});
    first->succeeded();
    CHECK(names(list.in_order(client))[0] == "10.0.0.1:443");
    for (int i = 0; i < 10; ++i)
        first->failed(0);
    CHECK(names(list.in_order(client))[0] == "10.0.0.1:443");
}

TEST_CASE("target_list: round_robin begins with the next one") {
    address_book book;
    const auto settings = backend_at(three, config::balance::round_robin);
    target_list list{settings, book};
    std::map<std::string, int> first;
    for (int i = 0; i < 9; ++i)
        ++first[names(list.in_order(client))[0]];
    CHECK(first == std::map<std::string, int>{{"10.0.0.1:443", 3}, {"10.0.0.2:443", 3}, {"/run/x.sock", 3}});
}

TEST_CASE("target_list: round_robin shares the part of an ejected address among all others") {
    address_book book;
    const auto settings = backend_at(three, config::balance::round_robin);
    target_list list{settings, book};
    list.all()[0].state->ejected = true;
    std::map<std::string, int> first;
    for (int i = 0; i < 10; ++i)
        ++first[names(list.in_order(client))[0]];
    CHECK(first == std::map<std::string, int>{{"10.0.0.2:443", 5}, {"/run/x.sock", 5}});
    for (const auto& one : list.all())
        one.state->ejected = true;
    for (int i = 0; i < 9; ++i)
        ++first[names(list.in_order(client))[0]];
    CHECK(first["10.0.0.1:443"] == 3);
}

TEST_CASE("target_list: least_sessions begins with each of equals in turn") {
    address_book book;
    const auto settings = backend_at(three, config::balance::least_sessions);
    target_list list{settings, book};
    std::map<std::string, int> first;
    for (int i = 0; i < 9; ++i)
        ++first[names(list.in_order(client))[0]];
    CHECK(first == std::map<std::string, int>{{"10.0.0.1:443", 3}, {"10.0.0.2:443", 3}, {"/run/x.sock", 3}});
}

TEST_CASE("target_list: least_sessions counts those of all workers") {
    address_book book;
    const auto settings = backend_at(three, config::balance::least_sessions);
    target_list one{settings, book};
    target_list other{settings, book};
    one.all()[0].state->sessions = 2;
    one.all()[1].state->sessions = 1;
    one.all()[2].state->sessions = 3;
    CHECK(names(other.in_order(client)) ==
          std::vector<std::string>{"10.0.0.2:443", "10.0.0.1:443", "/run/x.sock"});
}

TEST_CASE("target_list: a session counts from its connect to its end, wherever it is moved") {
    const auto at = std::make_shared<server::target>();
    {
        std::optional<server::counted> connecting{std::in_place, at};
        CHECK(at->sessions == 1);
        auto connected = std::move(*connecting);
        connecting.reset();
        CHECK(at->sessions == 1);
        connected = server::counted{at};
        CHECK(at->sessions == 1);
    }
    CHECK(at->sessions == 0);
}

TEST_CASE("target_list: source_hash keeps a source where it is, and spreads sources") {
    address_book book;
    const auto settings = backend_at(three, config::balance::source_hash);
    target_list list{settings, book};
    std::map<std::string, int> first;
    for (int i = 0; i < 300; ++i) {
        const auto source =
            ip_address::v4({198, 51, static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i)});
        const auto order = names(list.in_order(source));
        CHECK(order == names(list.in_order(source)));
        ++first[order[0]];
    }
    for (const auto& [name, count] : first)
        CHECK(count > 50);
    CHECK(first.size() == 3);
    // One /64 is one source.
    CHECK(names(list.in_order(*ip_address::parse("2001:db8::1"))) ==
          names(list.in_order(*ip_address::parse("2001:db8::ffff:1"))));
    // Who was not on the one that is gone stays.
    list.all()[0].state->ejected = true;
    for (int i = 0; i < 50; ++i) {
        const auto source = ip_address::v4({198, 51, 100, static_cast<std::uint8_t>(i)});
        list.all()[0].state->ejected = false;
        const auto before = names(list.in_order(source))[0];
        list.all()[0].state->ejected = true;
        if (before != "10.0.0.1:443")
            CHECK(names(list.in_order(source))[0] == before);
    }
}

TEST_CASE("address_book: of an answer with too many addresses the same ones are used in any order") {
    const auto answer = [](std::size_t size) {
        std::vector<ip_address> all;
        for (std::size_t i = 0; i < size; ++i)
            all.push_back(ip_address::v4({192, 0, 2, static_cast<std::uint8_t>(i)}));
        return all;
    };
    auto most = answer(server::max_addresses);
    CHECK_FALSE(server::cut_to_max_addresses(most));
    CHECK(most == answer(server::max_addresses));
    auto more = answer(server::max_addresses + 1);
    CHECK(server::cut_to_max_addresses(more));
    CHECK(more == most);
    auto turned = answer(200);
    std::ranges::reverse(turned);
    CHECK(server::cut_to_max_addresses(turned));
    CHECK(turned.front() == most.back()); // in its own order
    address_book book;
    CHECK(book.learn("a.example", most));
    CHECK_FALSE(book.learn("a.example", turned));
    turned.pop_back();
    CHECK(book.learn("a.example", turned));
}

TEST_CASE("target_list: a name is where its last good answer says") {
    address_book book;
    const auto settings =
        backend_at({{{}, "a.example", 8443, "a.example:8443"}, literal("10.0.0.1")}, config::balance::order);
    target_list list{settings, book};
    CHECK(names(list.in_order(client)) == std::vector<std::string>{"10.0.0.1:443"});
    CHECK(book.learn("a.example", {*ip_address::parse("192.0.2.1"), *ip_address::parse("2001:db8::1")}));
    CHECK(names(list.in_order(client)) ==
          std::vector<std::string>{"192.0.2.1:8443", "[2001:db8::1]:8443", "10.0.0.1:443"});
    CHECK_FALSE(
        book.learn("a.example", {*ip_address::parse("2001:db8::1"), *ip_address::parse("192.0.2.1")}));
    CHECK(book.learn("a.example", {*ip_address::parse("192.0.2.2")}));
    CHECK(names(list.in_order(client)) == std::vector<std::string>{"192.0.2.2:8443", "10.0.0.1:443"});
}

TEST_CASE(
    "target_list: a name that is forgotten is where it was for those who knew it, and nowhere for others") {
    address_book book;
    const auto settings = backend_at({{{}, "a.example", 8443, "a.example:8443"}}, config::balance::order);
    target_list before{settings, book};
    CHECK(book.learn("a.example", {*ip_address::parse("192.0.2.1")}));
    CHECK(before.all().size() == 1);
    book.forget("a.example");
    target_list after{settings, book};
    CHECK(after.awaits_answer());
    CHECK(after.in_order(client).empty());
    CHECK_FALSE(before.awaits_answer());
    CHECK(names(before.in_order(client)) == std::vector<std::string>{"192.0.2.1:8443"});
    CHECK(book.learn("a.example", {*ip_address::parse("192.0.2.1")})); // news again
    CHECK(after.all().size() == 1);
}

TEST_CASE("target_list: what is known of a target outlives a reload") {
    address_book book;
    const auto settings = backend_at(three, config::balance::order);
    target_list before{settings, book};
    before.all()[0].state->ejected = true;
    target_list after{settings, book};
    CHECK(after.all()[0].state->ejected);
}
