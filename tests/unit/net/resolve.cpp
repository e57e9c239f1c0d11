// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/resolve.hpp"

#include "snipass/os/error.hpp"

#include <optional>

#include "catch.hpp"

namespace {

using namespace snipass;

std::vector<ip_address> parsed(const std::vector<const char*>& texts) {
    std::vector<ip_address> all;
    for (const auto* const text : texts)
        all.push_back(*ip_address::parse(text));
    return all;
}

} // namespace

TEST_CASE("resolve: addresses that can be none are left out, the families alternate") {
    struct row {
        const char* name;
        std::vector<const char*> answer;
        std::vector<const char*> usable;
    };
    for (const auto& row : std::vector<struct row>{
             {"nothing", {}, {}},
             {"one", {"192.0.2.1"}, {"192.0.2.1"}},
             {"lies",
              {"0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1", "192.0.2.1"},
              {"192.0.2.1"}},
             {"only lies", {"0.0.0.0"}, {}},
             {"twice the same", {"192.0.2.1", "192.0.2.1"}, {"192.0.2.1"}},
             {"both families",
              {"2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2", "192.0.2.3"},
              {"2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "192.0.2.3"}},
             {"IPv4 first",
              {"192.0.2.1", "192.0.2.2", "2001:db8::1"},
              {"192.0.2.1", "2001:db8::1", "192.0.2.2"}},
         }) {
        INFO(row.name);
        CHECK(net::usable(parsed(row.answer)) == parsed(row.usable));
    }
}

TEST_CASE("resolve: which family comes first") {
    struct row {
        const char* name;
        const char* to;
        const char* from; // null: no way there
        bool ipv6;
    };
    for (const auto& row : std::vector<struct row>{
             {"IPv6", "2600::1", "2600:1::1", true},
             {"no IPv6 here", "2600::1", nullptr, false},
             {"only a ULA here", "2600::1", "fd00::1", false},
             {"a ULA to another", "fd00:1::1", "fd00::1", true},
             {"6to4 to native IPv6", "2600::1", "2002:c000:201::1", false},
             {"Teredo to native IPv6", "2600::1", "2001::1", false},
             {"a public address to a ULA", "fd00::1", "2600::1", false},
         }) {
        INFO(row.name);
        result<ip_address> from{os::make_error(ENETUNREACH)};
        if (row.from != nullptr)
            from = *ip_address::parse(row.from);
        CHECK(net::ipv6_comes_first(*ip_address::parse(row.to), from) == row.ipv6);
    }
}

TEST_CASE("resolve: the answer comes to the loop, and a loop may end before it does") {
    net::event_loop loop;
    std::optional<result<std::vector<ip_address>>> got;
    const auto ask = [](net::event_loop& on,
                        std::optional<result<std::vector<ip_address>>>& to) -> net::task<> {
        to = co_await net::resolve(on, "localhost");
    };
    loop.spawn(ask(loop, got));
    while (!got)
        (void)loop.take_turn(net::time_point::max());
    REQUIRE(got->has_value());
    CHECK_FALSE(got->value().empty());
    std::optional<result<std::vector<ip_address>>> never;
    loop.spawn(ask(loop, never));
    loop.destroy_tasks();
    CHECK_FALSE(never.has_value());
}
