// SPDX-License-Identifier: BSL-1.0
#include "snipass/operating/session_list.hpp"

#include "catch.hpp"

#include <limits>

using namespace snipass;
using namespace snipass::server;

TEST_CASE("session_list: an ID is read as it was written") {
    const auto id =
        GENERATE(values<session_id>({{0, 0}, {3, 35}, {255, std::numeric_limits<std::int64_t>::max()}}));
    session_id read;
    REQUIRE(session_id::parse(id.to_string(), read));
    CHECK(read.worker == id.worker);
    CHECK(read.accepted == id.accepted);
}

TEST_CASE("session_list: what is no ID") {
    const auto* const text = GENERATE("", "-", "1", "1-", "-1", "x-1", "1--1", "1-1 ", " 1-1", "1-_",
                                      "1-zzzzzzzzzzzzzzzzzzzzzz", "99999999999-1");
    CAPTURE(text);
    session_id read;
    CHECK(!session_id::parse(text, read));
}

TEST_CASE("session_list: the oldest are kept, and how many are left out is known") {
    session_list all;
    for (int i = 0; i < 5; ++i)
        all.lines.push_back({.id = {0, i}, .age = std::chrono::milliseconds{i * 1'000}, .client = {}});
    all.left_out = 2;
    sort(all, 3);
    REQUIRE(all.lines.size() == 3);
    CHECK(all.lines.front().id.accepted == 4);
    CHECK(all.lines.back().id.accepted == 2);
    CHECK(all.left_out == 4);
    CHECK(to_text(all, false).find("and 4 more") != std::string::npos);
}
