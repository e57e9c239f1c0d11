// SPDX-License-Identifier: BSL-1.0
#include "snipass/context/relay_room.hpp"

#include "catch.hpp"

#include <list>
#include <string>

using namespace snipass;
using server::outcome;

namespace {

struct fixture {
    server::relay_room room;
    std::list<source_shares::place> places;

    fixture(std::size_t total, std::size_t per_source) { room.set_limits(total, per_source); }

    // What became of one that came; "in", or "in, for N" who came as the Nth.
    std::string come(const std::string& source) {
        const auto address = *ip_address::parse(source);
        if (const auto why_not = room.why_not(address))
            return std::string{server::to_string(*why_not)};
        const auto* const gone = room.enter(places.emplace_back(), address);
        int number = 0;
        for (const auto& one : places)
            if (++number; &one == gone)
                return "in, for " + std::to_string(number);
        return "in";
    }
};

} // namespace

TEST_CASE("relay_room: at max_relayed the newest of the largest source goes, or nobody comes in") {
    fixture test{3, 10};
    CHECK(test.come("192.0.2.1") == "in");
    CHECK(test.come("192.0.2.1") == "in");
    CHECK(test.come("192.0.2.1") == "in");
    CHECK(test.come("192.0.2.1") == "max_relayed");
    CHECK(test.come("192.0.2.2") == "in, for 3");
    CHECK(test.come("192.0.2.2") == "max_relayed"); // would have as many as the largest
    CHECK(test.room.size() == 3);
    test.places.pop_front();
    CHECK(test.come("192.0.2.2") == "in");
}

TEST_CASE("relay_room: a source has max_relayed_per_source, a /56 four times as many, a /48 sixteen times") {
    fixture test{1'000, 2};
    CHECK(test.come("192.0.2.1") == "in");
    CHECK(test.come("192.0.2.1") == "in");
    CHECK(test.come("192.0.2.1") == "max_relayed_source");
    CHECK(test.come("192.0.2.2") == "in");
    for (int i = 0; i < 8; ++i)
        CHECK(test.come("2001:db8:0:" + std::to_string(i) + "::1") == "in");
    CHECK(test.come("2001:db8:0:99::1") == "max_relayed_source");
    for (int i = 1; i < 25; ++i)
        CHECK(test.come("2001:db8:0:" + std::to_string(i) + "00::1") == "in");
    CHECK(test.come("2001:db8:0:9900::1") == "max_relayed_source");
    CHECK(test.come("2001:db8:1::1") == "in");
}
