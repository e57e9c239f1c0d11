// SPDX-License-Identifier: BSL-1.0
#include "snipass/config/nearest.hpp"

#include "catch.hpp"

using namespace snipass::config;

TEST_CASE("edit_distance counts mistakes") {
    struct row {
        const char* behaviour;
        const char* a;
        const char* b;
        std::size_t distance;
    };
    const auto row = GENERATE(values<struct row>({
        {"none", "hold", "hold", 0},
        {"one more", "hold", "holds", 1},
        {"one less", "hold", "hol", 1},
        {"another", "hold", "bold", 1},
        {"two neighbours swapped", "hold", "hodl", 1},
        {"swapped at the start", "hold", "ohld", 1},
        {"case", "HOLD", "hold", 0},
        {"a hyphen for an underscore", "hello-max", "hello_max", 0},
        {"everything", "abc", "xyz", 3},
        {"from nothing", "", "abc", 3},
        {"to nothing", "abc", "", 3},
        {"several", "hello_tiemot", "hello_timeout", 2},
    }));
    INFO(row.behaviour);
    CHECK(edit_distance(row.a, row.b) == row.distance);
    CHECK(edit_distance(row.b, row.a) == row.distance);
}

TEST_CASE("nearest finds what was meant, or nothing") {
    const std::vector<std::string_view> keys{"workers", "hello_timeout", "hello_max", "max_waiting"};
    CHECK(nearest("worker", keys) == "workers");
    CHECK(nearest("HELLO-MAX", keys) == "hello_max");
    CHECK(nearest("hello_tmieout", keys) == "hello_timeout");
    CHECK(nearest("threads", keys) == std::nullopt);
    CHECK(nearest("", keys) == std::nullopt);
    CHECK(nearest("workers", {}) == std::nullopt);
    CHECK(nearest("bat", {"bar", "bat"}) == "bat");
    CHECK(nearest("bad", {"bar", "bat"}) == "bar"); // the first of equals
    CHECK(nearest("b", {"a"}) == std::nullopt);     // too short to be a slip
    CHECK(nearest("warning", {"warn"}) == "warn");
    CHECK(nearest("timeout", {"hello_timeout"}) == "hello_timeout");
}

TEST_CASE("propose lists what there is where nothing is near") {
    CHECK(propose("worker", {"workers"}) == "write \"workers\"");
    CHECK(propose("x-ray", {"a", "b"}) == "known here: \"a\", \"b\"");
    CHECK(propose("none of them", std::vector<std::string_view>(43, "a")).ends_with("\"a\" and 3 more"));
}
