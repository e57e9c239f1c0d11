// SPDX-License-Identifier: BSL-1.0
#include "snipass/config/units.hpp"

#include "catch.hpp"

using namespace snipass::config;
using std::chrono::milliseconds;

namespace {

struct accepted {
    const char* written;
    std::int64_t value;
    const char* printed;
};

struct refused {
    const char* behaviour;
    const char* written;
    const char* problem;
};

} // namespace

TEST_CASE("parse_duration accepts, format_duration prints") {
    const auto row = GENERATE(values<accepted>({
        {"500ms", 500, "500ms"},
        {"5s", 5'000, "5s"},
        {"10m", 600'000, "10m"},
        {"2h", 7'200'000, "2h"},
        {"0s", 0, "0s"},
        {"0ms", 0, "0s"},
        {"90s", 90'000, "90s"},
        {"60s", 60'000, "1m"},
        {"1500ms", 1'500, "1500ms"},
        {"007s", 7'000, "7s"},
        {"9223372036854775807ms", INT64_MAX, "9223372036854775807ms"},
    }));
    INFO(row.written);
    const auto parsed = parse_duration(row.written);
    REQUIRE(parsed.value);
    CHECK(parsed.value->count() == row.value);
    CHECK(format_duration(*parsed.value) == row.printed);
}

TEST_CASE("parse_duration refuses and says what to write") {
    const auto row = GENERATE(values<refused>({
        {"no unit", "5", R"("5" has no unit; write "5s")"},
        {"no unit, of many", "5000", R"("5000" has no unit; write "5000s", or "5000ms")"},
        {"a space", "5 s", R"("5 s" is not understood; write "5s")"},
        {"a longer word", "5 seconds", R"("5 seconds" is not understood; write "5s")"},
        {"minutes", "5min", R"("5min" is not understood; write "5m")"},
        {"upper case", "5S", R"("5S" is not understood; write "5s")"},
        {"a fraction", "1.5s",
         R"("1.5s" is not understood; write a whole number and a unit (ms, s, m or h), such as "5s")"},
        {"two units", "1m30s",
         R"("1m30s" is not understood; write a whole number and a unit (ms, s, m or h), such as "5s")"},
        {"a unit of a size", "5KiB",
         R"("5KiB" is not understood; write a whole number and a unit (ms, s, m or h), such as "5s")"},
        {"nothing", "",
         R"("" does not begin with a number; write a whole number and a unit (ms, s, m or h), such as "5s")"},
        {"a word", "soon",
         R"("soon" does not begin with a number; write a whole number and a unit (ms, s, m or h), such as "5s")"},
        {"a negative number", "-5s",
         R"("-5s" does not begin with a number; write a whole number and a unit (ms, s, m or h), such as "5s")"},
        {"a number that overflows", "99999999999999999999s", R"("99999999999999999999s" is too large)"},
        {"a product that overflows", "9223372036854775807h", R"("9223372036854775807h" is too large)"},
    }));
    INFO(row.behaviour);
    const auto parsed = parse_duration(row.written);
    CHECK_FALSE(parsed.value);
    CHECK(parsed.problem == row.problem);
}

TEST_CASE("parse_size accepts, format_size prints") {
    const auto row = GENERATE(values<accepted>({
        {"64KiB", 65'536, "64KiB"},
        {"1MiB", 1'048'576, "1MiB"},
        {"1024KiB", 1'048'576, "1MiB"},
        {"1500B", 1'500, "1500B"},
        {"0B", 0, "0B"},
    }));
    INFO(row.written);
    const auto parsed = parse_size(row.written);
    REQUIRE(parsed.value);
    CHECK(*parsed.value == static_cast<std::size_t>(row.value));
    CHECK(format_size(*parsed.value) == row.printed);
}

TEST_CASE("parse_size refuses and says what to write") {
    const auto row = GENERATE(values<refused>({
        {"no unit", "65536", R"("65536" has no unit; write "65536B")"},
        {"thousands or 1024s?", "64KB", R"("64KB" is not understood; write "64KiB")"},
        {"a letter", "64k", R"("64k" is not understood; write "64KiB")"},
        {"a unit of a duration that is one of a size too", "1m", R"("1m" is not understood; write "1MiB")"},
        {"a unit that would be too large anyway", "1GiB",
         R"("1GiB" is not understood; write a whole number and a unit (B, KiB or MiB), such as "64KiB")"},
        {"a word", "large",
         R"("large" does not begin with a number; write a whole number and a unit (B, KiB or MiB), such as "64KiB")"},
    }));
    INFO(row.behaviour);
    const auto parsed = parse_size(row.written);
    CHECK_FALSE(parsed.value);
    CHECK(parsed.problem == row.problem);
}
