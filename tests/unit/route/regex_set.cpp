// SPDX-License-Identifier: BSL-1.0
#include "snipass/route/regex_set.hpp"

#include "catch.hpp"

#include <unistd.h>

using Catch::Matchers::ContainsSubstring;
using snipass::route::regex_problem;
using snipass::route::regex_set;

namespace {

struct row {
    const char* behaviour;
    std::vector<std::string> regexes;
    std::string name;
    std::vector<int> matches;
};

constexpr std::int64_t too_little = 1; // byte: no automaton fits

} // namespace

TEST_CASE("regex_set finds all that match the whole name, in order") {
    const auto row = GENERATE(values<struct row>({
        {"one of one", {"www[0-9]+"}, "www12", {0}},
        {"not a part in front", {"www"}, "www1", {}},
        {"not a part behind", {"www"}, "1www", {}},
        {"upper case in the regex", {"WWW"}, "www", {0}},
        {"anchors that change nothing", {"^www$"}, "www", {0}},
        {"an alternation is anchored as a whole", {"a|b"}, "bc", {}},
        {"several, ascending", {"w+", "x", "www", ".*"}, "www", {0, 2, 3}},
        {"the same twice", {"a", "a"}, "a", {0, 1}},
        {"none", {"a", "b"}, "c", {}},
        {"a class of an escape", {"\\d+\\.example"}, "42.example", {0}},
    }));
    INFO(row.behaviour);
    CHECK(regex_set{row.regexes}.matches(row.name) == row.matches);
    INFO("one by one, for want of memory");
    CHECK(regex_set{row.regexes, too_little}.matches(row.name) == row.matches);
}

TEST_CASE("regex_set gives the same answer whatever memory its automaton has") {
    // Would need 2^40 states if all were built: from none fitting over forgetting them again and again to
    // some room.
    const std::vector<std::string> regexes{"(a|b)*a(a|b){40}", "(a|b)*b(a|b){40}", "c"};
    std::string name;
    for (unsigned i = 0; i < 200; ++i)
        name += (i * i * 2'654'435'761U >> 16) % 2 ? 'a' : 'b';
    const auto expected = name[name.size() - 41] == 'a' ? std::vector<int>{0} : std::vector<int>{1};
    for (const std::int64_t memory : {1 << 12, 11'500, 12'000, 1 << 14, 1 << 16, 1 << 20}) {
        INFO(memory);
        CHECK(regex_set(regexes, memory).matches(name) == expected);
    }
}

TEST_CASE("regex_set and regex_problem write nothing to stderr") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const int saved = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    (void)regex_problem("(");
    (void)regex_set({"(a|b)*a(a|b){40}"}, too_little).matches("aaaa");
    (void)regex_set({"(a|b)*a(a|b){40}"}, 1 << 14).matches(std::string(200, 'a'));
    ::dup2(saved, STDERR_FILENO);
    ::close(saved);
    ::close(ends[1]);
    char byte = 0;
    CHECK(::read(ends[0], &byte, 1) == 0);
    ::close(ends[0]);
}

TEST_CASE("regex_problem has RE2's words") {
    CHECK_FALSE(regex_problem("a+"));
    CHECK_THAT(*regex_problem("("), ContainsSubstring("missing )"));
    CHECK_THAT(*regex_problem("a{2,1}"), ContainsSubstring("repetition"));
}
