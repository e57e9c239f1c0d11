// SPDX-License-Identifier: BSL-1.0
// The bound on the clients of all backends together.
#include "snipass/backends/pending.hpp"

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace snipass;

namespace {

// crowd has clients of two backends, each with room for ten, and room for six altogether.
struct crowd {
    server::pending_room room;
    std::shared_ptr<source_shares> one = room.at_backend("one");
    std::shared_ptr<source_shares> two = room.at_backend("two");
    std::list<server::pending> clients;

    crowd() {
        room.set_limit(6);
        one->set_limit(10);
        two->set_limit(10);
    }

    server::pending& come(source_shares& backend, const std::string& source, bool has_made_way = false) {
        return clients.emplace_back(room, backend, *ip_address::parse(source), has_made_way);
    }
    // The numbers of those who were displaced.
    [[nodiscard]] std::vector<int> displaced() const {
        std::vector<int> numbers;
        int number = 0;
        for (const auto& client : clients) {
            if (client.is_displaced())
                numbers.push_back(number);
            ++number;
        }
        return numbers;
    }
};

} // namespace

TEST_CASE(
    "pending: at the bound of all backends the newest of the largest source makes way, wherever it is") {
    crowd all;
    all.come(*all.one, "192.0.2.2");
    for (int i = 0; i < 3; ++i)
        all.come(*all.one, "192.0.2.1");
    for (int i = 0; i < 2; ++i)
        all.come(*all.two, "192.0.2.1");
    CHECK(all.displaced().empty());
    CHECK_FALSE(all.come(*all.one, "192.0.2.3").is_displaced());
    CHECK(all.displaced() == std::vector{5});
    CHECK(std::next(all.clients.begin(), 5)->is_for_descriptors());
    CHECK(all.come(*all.one, "192.0.2.1").is_displaced()); // its own source's
    CHECK(all.room.size() == 6);
}

TEST_CASE("pending: at the bound of all backends, too, who has closed its side goes first") {
    crowd all;
    for (int i = 0; i < 6; ++i)
        all.come(i % 2 == 0 ? *all.one : *all.two, "192.0.2.1");
    std::next(all.clients.begin(), 2)->go_first();
    CHECK_FALSE(all.come(*all.one, "192.0.2.2").is_displaced());
    CHECK(all.displaced() == std::vector{2});
}

TEST_CASE("pending: who is displaced at a backend has no place in the room either") {
    crowd all;
    all.one->set_limit(2);
    for (int i = 0; i < 3; ++i)
        all.come(*all.one, "192.0.2.1");
    CHECK(all.displaced() == std::vector{2});
    CHECK_FALSE(all.clients.back().is_for_descriptors());
    CHECK(all.room.size() == 2);
    CHECK_FALSE(all.come(*all.one, "192.0.2.2").is_displaced());
    CHECK(all.displaced() == std::vector{1, 2});
    CHECK(all.room.size() == 2);
}

TEST_CASE("pending: who has made way elsewhere is let in beyond the bound, an eighth more") {
    crowd all;
    all.room.set_limit(8);
    for (int i = 0; i < 8; ++i)
        all.come(*all.one, "192.0.2.1");
    CHECK(all.come(*all.two, "192.0.2.1").is_displaced());
    CHECK_FALSE(all.come(*all.two, "192.0.2.1", true).is_displaced());
    CHECK(all.come(*all.two, "192.0.2.1", true).is_displaced());
    CHECK(all.displaced() == std::vector{8, 10});
}

TEST_CASE("pending: for a descriptor somebody of the largest source makes way, if that has many") {
    crowd all;
    for (int i = 0; i < 3; ++i)
        all.come(*all.one, "192.0.2.1");
    all.come(*all.one, "192.0.2.2");
    CHECK_FALSE(all.room.displace_one(3));
    CHECK(all.displaced().empty());
    CHECK(all.room.displace_one(2));
    CHECK(all.displaced() == std::vector{2});
    CHECK_FALSE(all.room.displace_one(2));
    CHECK_FALSE(all.room.is_half_full());
    all.come(*all.two, "192.0.2.3");
    CHECK(all.room.is_half_full());
    CHECK(server::pending_room{}.displace_one(0) == false);
}

TEST_CASE("pending: a backend's clients are those of its name, for as long as somebody has them") {
    server::pending_room room;
    auto before = room.at_backend("one");
    CHECK(room.at_backend("one") == before);
    CHECK(room.at_backend("two") != before);
    before->set_limit(7);
    before.reset();
    CHECK(room.at_backend("one")->limit() != 7);
}
