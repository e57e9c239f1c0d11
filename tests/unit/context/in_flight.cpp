// SPDX-License-Identifier: BSL-1.0
// How many clients a thread has, and that the last one's end is told.
#include "snipass/context/in_flight.hpp"

#include "catch.hpp"

#include <optional>

using namespace snipass;

TEST_CASE("in_flight: counts each client for as long as it exists, moved or not") {
    server::in_flight all;
    int told = 0;
    all.when_none = [&told] { ++told; };
    {
        server::in_flight::client one{all};
        const server::in_flight::client other{all};
        CHECK(all.size() == 2);
        const auto moved = std::move(one);
        CHECK(all.size() == 2);
    }
    CHECK(all.size() == 0);
    CHECK(told == 1);
}

TEST_CASE("in_flight: a client that goes on as another is never none") {
    server::in_flight all;
    int told = 0;
    all.when_none = [&told] { ++told; };
    std::optional<server::in_flight::client> session{all};
    const server::in_flight::client relayed{all};
    session.reset();
    CHECK(told == 0);
    CHECK(all.size() == 1);
}
