// SPDX-License-Identifier: BSL-1.0
#include "snipass/backends/configuration_snapshot.hpp"

#include "catch.hpp"
#include "snipass/backends/address_book.hpp"

#include <list>

using namespace snipass;

TEST_CASE("share: one worker's part of a bound, rounded up, and not too small for an uneven hash") {
    CHECK(server::share(100, 1) == 100);
    CHECK(server::share(100, 4) == 25);
    CHECK(server::share(101, 4) == 26);
    CHECK(server::share(256, 64) == 16);
    CHECK(server::share(17, 16) == 16);
    CHECK(server::share(3, 2) == 3);
    CHECK(server::share(1, 16) == 1);
    CHECK(server::share(0, 16) == 0);
}

TEST_CASE(
    "configuration_snapshot: a backend for each of the file's, with this worker's share of max_pending") {
    auto file = std::make_shared<config::configuration>();
    file->backends.resize(2);
    file->backends[0].name = "one";
    file->backends[1].name = "two";
    file->backends[1].max_pending = 34;
    server::address_book book;
    server::pending_room room;
    const server::configuration_snapshot snapshot{file, 2, book, room}; // 17 for each worker
    REQUIRE(snapshot.backends.size() == 2);
    CHECK(&snapshot.backends[0]->settings() == &file->backends[0]);
    auto& two = *snapshot.backends[1];
    CHECK(two.settings().name == "two");
    std::list<server::pending> clients;
    const auto source = *ip_address::parse("192.0.2.1");
    for (int i = 0; i < 17; ++i)
        CHECK_FALSE(clients.emplace_back(room, two.places(), source).is_displaced());
    CHECK(clients.emplace_back(room, two.places(), source).is_displaced());
}
