// SPDX-License-Identifier: BSL-1.0
#include "snipass/base/source_shares.hpp"

#include <algorithm>
#include <list>
#include <string>
#include <vector>

#include "catch.hpp"

namespace {

using namespace snipass;

ip_address address(const std::string& text) {
    return ip_address::parse(text).value();
}

// crowd has places of whoever came, in the order in which they came.
struct crowd {
    explicit crowd(std::size_t limit) : shares(limit) {}

    // come tells who goes for it, by number of arrival; -1: nobody.
    int come(const std::string& source) {
        auto& one = places.emplace_back();
        const auto* const gone = shares.enter(one, address(source));
        int number = 0;
        for (const auto& place : places) {
            if (&place == gone)
                return number;
            ++number;
        }
        return -1;
    }

    source_shares shares;
    std::list<source_shares::place> places;
};

} // namespace

TEST_CASE("source_shares: at the bound the newest of the largest source goes") {
    struct row {
        const char* name;
        std::size_t limit;
        std::vector<const char*> sources;
        std::vector<int> gone; // for each of them
    };
    for (const auto& row : std::vector<struct row>{
             {"up to the bound nobody goes", 3, {"192.0.2.1", "192.0.2.1", "192.0.2.1"}, {-1, -1, -1}},
             {"one source displaces itself", 2, {"192.0.2.1", "192.0.2.1", "192.0.2.1"}, {-1, -1, 2}},
             {"who has one loses none",
              3,
              {"192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.3"},
              {-1, -1, -1, 2}},
             {"equals: the newcomer", 2, {"192.0.2.1", "192.0.2.2", "192.0.2.3"}, {-1, -1, 2}},
             {"an equal of the largest: the newcomer",
              3,
              {"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"},
              {-1, -1, -1, 3}},
             {"again and again, until they are equal",
              4,
              {"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.2"},
              {-1, -1, -1, -1, 3, 2, 6}},
             {"a /64 is one source",
              3,
              {"2001:db8::1", "2001:db8::2", "192.0.2.1", "2001:db8::3", "192.0.2.2"},
              {-1, -1, -1, 3, 1}},
             {"IPv4 is the same in whatever form", 1, {"192.0.2.1", "::ffff:192.0.2.1"}, {-1, 1}},
             {"a limit of nothing", 0, {"192.0.2.1"}, {0}},
         }) {
        INFO(row.name);
        crowd all{row.limit};
        std::vector<int> gone;
        for (const auto* const source : row.sources)
            gone.push_back(all.come(source));
        CHECK(gone == row.gone);
        CHECK(all.shares.size() <= row.limit);
    }
}

TEST_CASE("source_shares: a /56 has four shares, a /48 sixteen") {
    struct row {
        const char* name;
        const char* before; // of the number of the network
        const char* behind;
        std::size_t networks;
        bool is_larger; // than two places of one address
    };
    for (const auto& row : std::vector<struct row>{
             {"fewer than two shares of a /56", "2001:db8:0:", "::1", 7, false},
             {"more", "2001:db8:0:", "::1", 9, true},
             {"fewer than two shares of a /48", "2001:db8:0:", "00::1", 31, false},
             {"more", "2001:db8:0:", "00::1", 33, true},
             {"many /48s are strangers to each other", "2001:db8:", "::1", 99, false},
         }) {
        INFO(row.name << ": " << row.networks);
        crowd all{row.networks + 2};
        CHECK(all.come("192.0.2.1") == -1);
        CHECK(all.come("192.0.2.1") == -1);
        for (std::size_t i = 1; i <= row.networks; ++i)
            CHECK(all.come(row.before + std::to_string(i) + row.behind) == -1);
        CHECK(all.come("192.0.2.2") == (row.is_larger ? static_cast<int>(row.networks) + 1 : 1));
    }
}

TEST_CASE("source_shares: a source's places, or its part of its network's") {
    crowd all{100};
    CHECK(all.shares.places_of(address("192.0.2.1")) == 0);
    CHECK(all.shares.next_to_go() == nullptr);
    for (const auto* const source :
         {"192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1"})
        CHECK(all.come(source) == -1);
    CHECK(all.shares.places_of(address("192.0.2.1")) == 2);
    CHECK(all.shares.places_of(address("192.0.2.2")) == 0);
    CHECK(all.shares.places_of(address("2001:db8::2")) == 1);
    CHECK(all.shares.places_of(address("2001:db8:0:9::2")) == 1);   // four of its /56
    CHECK(all.shares.places_of(address("2001:db8:0:900::2")) == 1); // of its /48
    CHECK(all.shares.places_of(address("2001:db8:1::")) == 0);
    CHECK(all.come("2001:db8:0:4::1") == -1);
    CHECK(all.shares.places_of(address("2001:db8:0:9::2")) == 2);
}

TEST_CASE("source_shares: how many places the largest source has") {
    crowd all{100};
    CHECK(all.shares.places_of_largest() == 0);
    for (const auto* const source : {"192.0.2.1", "192.0.2.1", "2001:db8::1", "192.0.2.2"})
        CHECK(all.come(source) == -1);
    CHECK(all.shares.places_of_largest() == 2);
}

TEST_CASE("source_shares: who leaves makes room, and what is not used any more is forgotten") {
    crowd all{2};
    CHECK(all.come("2001:db8::1") == -1);
    CHECK(all.come("192.0.2.1") == -1);
    all.places.front().leave();
    all.places.front().leave();
    CHECK_FALSE(all.places.front().is_in());
    CHECK(all.shares.size() == 1);
    CHECK(all.shares.places_of(address("2001:db8::1")) == 0);
    CHECK(all.come("192.0.2.2") == -1);
    CHECK(all.shares.next_to_go() != nullptr);
    all.places.clear();
    CHECK(all.shares.size() == 0);
    CHECK(all.shares.next_to_go() == nullptr);
}

TEST_CASE("source_shares: a smaller limit sends nobody away at once") {
    crowd all{3};
    for (const auto* const source : {"192.0.2.1", "192.0.2.1", "192.0.2.2"})
        CHECK(all.come(source) == -1);
    all.shares.set_limit(1);
    CHECK(all.shares.size() == 3);
    CHECK(all.come("192.0.2.3") == 1);
    CHECK(all.shares.size() == 3);
    all.places.front().leave();
    CHECK(all.come("192.0.2.4") == 4);
    CHECK(all.shares.size() == 2);
}

TEST_CASE("source_shares: of the source that has to make way, who said so goes first") {
    struct row {
        const char* name;
        std::size_t limit;
        std::vector<const char*> sources;
        std::vector<int> first; // who goes first, and all of them have come
        std::vector<const char*> then;
        std::vector<int> gone; // for each of them
    };
    for (const auto& row : std::vector<struct row>{
             {"for another of its source",
              3,
              {"192.0.2.1", "192.0.2.1", "192.0.2.1"},
              {1, 0, 1},
              {"192.0.2.1", "192.0.2.1", "192.0.2.1"},
              {1, 0, 5}},
             {"for another source",
              3,
              {"192.0.2.1", "192.0.2.1", "192.0.2.1"},
              {0},
              {"192.0.2.2", "192.0.2.3"},
              {0, 2}},
             {"for no larger source",
              3,
              {"192.0.2.1", "192.0.2.2", "192.0.2.2"},
              {0},
              {"192.0.2.2", "192.0.2.3"},
              {3, 2}},
             {"said before sources are counted",
              4,
              {"192.0.2.1", "192.0.2.1"},
              {0},
              {"192.0.2.1", "192.0.2.1", "192.0.2.1"},
              {-1, -1, 0}},
             {"of its /56, too",
              8,
              {"2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1", "2001:db8:0:4::1",
               "2001:db8:0:5::1", "2001:db8:0:6::1", "2001:db8:0:7::1"},
              {2},
              {"2001:db8:0:8::1"},
              {2}},
         }) {
        INFO(row.name);
        crowd all{row.limit};
        for (const auto* const source : row.sources)
            CHECK(all.come(source) == -1);
        for (const int number : row.first)
            std::next(all.places.begin(), number)->go_first();
        std::vector<int> gone;
        for (const auto* const source : row.then)
            gone.push_back(all.come(source));
        CHECK(gone == row.gone);
    }
}

TEST_CASE("source_shares: who leaves goes first no more when it comes again") {
    crowd all{2};
    CHECK(all.come("192.0.2.1") == -1);
    CHECK(all.come("192.0.2.1") == -1);
    auto& first = all.places.front();
    first.go_first();
    first.leave();
    CHECK(all.shares.enter(first, address("192.0.2.1")) == nullptr);
    CHECK(all.come("192.0.2.1") == 2);
}

TEST_CASE("source_shares: some may be more than the limit, so many and no more") {
    crowd all{2};
    const auto come_beyond = [&all] {
        return all.shares.enter(all.places.emplace_back(), address("192.0.2.1"), 1) == nullptr;
    };
    CHECK(come_beyond());
    CHECK(come_beyond());
    CHECK(come_beyond());
    CHECK_FALSE(come_beyond());
    CHECK(all.shares.size() == 3);
    CHECK(all.come("192.0.2.2") == 2);
}

TEST_CASE("source_shares: the newest is the newest, whenever it was counted") {
    crowd all{4};
    for (int i = 0; i < 3; ++i)
        CHECK(all.come("192.0.2.1") == -1);
    for (int i = 0; i < 2; ++i)
        all.places.pop_front();
    CHECK(all.come("192.0.2.1") == -1);
    CHECK(all.come("192.0.2.2") == -1);
    CHECK(all.come("192.0.2.3") == -1);
    CHECK(all.come("192.0.2.4") == 1);
}

TEST_CASE("source_shares: the oldest of a source, and of the largest") {
    crowd all{100};
    CHECK(all.shares.oldest_of_largest() == nullptr);
    CHECK(all.shares.oldest_of(address("192.0.2.1")) == nullptr);
    for (const auto* const source : {"192.0.2.1", "192.0.2.2", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"})
        CHECK(all.come(source) == -1);
    const auto place = [&all](int number) { return &*std::next(all.places.begin(), number); };
    CHECK(all.shares.oldest_of_largest() == place(1));
    CHECK(all.shares.oldest_of(address("192.0.2.1")) == place(0));
    CHECK(all.shares.oldest_of(address("2001:db8::2")) == place(3));
    for (int i = 2; i < 9; ++i)
        CHECK(all.come("2001:db8:0:" + std::to_string(i) + "::1") == -1);
    CHECK(all.shares.oldest_of(address("2001:db8:0:5::1")) == place(3)); // of its /56, which has more than 2
    CHECK(all.come("192.0.2.3") == -1);
    CHECK(all.come("192.0.2.3") == -1);
    all.places.pop_back();
    CHECK(all.come("192.0.2.3") == -1);
    CHECK(all.shares.oldest_of_largest() == place(3));
    all.places.erase(std::next(all.places.begin(), 3));
    CHECK(all.shares.oldest_of_largest() == place(1)); // 192.0.2.3 has two, too, but was later
}

TEST_CASE("source_shares: each place is told of once, counted or not, and may leave then") {
    source_shares shares{10};
    std::vector<source_shares::place> places(8);
    const std::size_t entered = GENERATE(4U, 8U); // from the sixth on they are counted
    for (std::size_t i = 0; i < entered; ++i)
        CHECK(shares.enter(places[i], *ip_address::parse(i % 2 == 0 ? "2001:db8::1" : "192.0.2.1")) ==
              nullptr);
    std::vector<source_shares::place*> told;
    shares.for_each([&](source_shares::place& one) {
        told.push_back(&one);
        one.leave();
    });
    CHECK(shares.size() == 0);
    std::ranges::sort(told);
    CHECK(std::ranges::adjacent_find(told) == told.end());
    CHECK(told.size() == entered);
}
