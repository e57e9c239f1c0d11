// SPDX-License-Identifier: BSL-1.0
// The table, for clients that speak HTTP: paths and methods.
#include "snipass/route/table.hpp"

#include "catch.hpp"

#include <algorithm>
#include <string>
#include <vector>

using snipass::host_name;
using snipass::route::client_facts;
using snipass::route::path_pattern;
using snipass::route::pattern;
using snipass::route::request_facts;
using snipass::route::rule;
using snipass::route::table;

namespace {

rule for_requests(const std::vector<std::string>& names, std::vector<path_pattern> paths = {},
                  std::vector<std::string> methods = {}) {
    rule made;
    for (const auto& name : names)
        made.names.push_back(*pattern::parse(name).value);
    made.paths = std::move(paths);
    made.methods = std::move(methods);
    return made;
}

const path_pattern everything{"/", true};
const path_pattern live{"/live/", true};
const path_pattern feed{"/feed", false};

} // namespace

TEST_CASE("table: what a client asks for that speaks HTTP") {
    struct row {
        const char* behaviour;
        std::vector<rule> rules;
        const char* method; // null: the client speaks TLS
        const char* path;
        int winner;
    };
    const std::vector<std::string> name{"a.example"};
    const auto row = GENERATE_COPY(values<struct row>({
        {"a path below a folder", {for_requests(name, {live})}, "GET", "/live/1", 0},
        {"the folder itself, with its slash", {for_requests(name, {live})}, "GET", "/live/", 0},
        {"not without its slash", {for_requests(name, {live})}, "GET", "/live", -1},
        {"not a path that begins alike", {for_requests(name, {live})}, "GET", "/lives/1", -1},
        {"case counts", {for_requests(name, {live})}, "GET", "/Live/1", -1},
        {"a path as it is", {for_requests(name, {feed})}, "GET", "/feed", 0},
        {"and nothing below it", {for_requests(name, {feed})}, "GET", "/feed/", -1},
        {"any of the paths", {for_requests(name, {feed, live})}, "GET", "/live/1", 0},
        {"every path", {for_requests(name, {everything})}, "GET", "/x", 0},
        {"and no path at all", {for_requests(name, {everything})}, "OPTIONS", "", 0},
        {"a method", {for_requests(name, {}, {"PUT", "GET"})}, "GET", "/x", 0},
        {"another method", {for_requests(name, {}, {"PUT"})}, "GET", "/x", -1},
        {"a method's case", {for_requests(name, {}, {"GET"})}, "get", "/x", -1},
        {"both must hold: not the method", {for_requests(name, {live}, {"PUT"})}, "GET", "/live/1", -1},
        {"both must hold: not the path", {for_requests(name, {live}, {"GET"})}, "GET", "/x", -1},
        {"never for a client that speaks TLS", {for_requests(name, {everything})}, nullptr, nullptr, -1},
        {"nor by a method", {for_requests(name, {}, {"GET"})}, nullptr, nullptr, -1},
        {"the first in the file, not the longest path",
         {for_requests(name, {everything}), for_requests(name, {live})},
         "GET",
         "/live/1",
         0},
        {"else the next with the name", {for_requests(name, {live}), for_requests(name)}, "GET", "/x", 1},
        {"else a less specific name",
         {for_requests(name, {live}), for_requests({"*.example"})},
         "GET",
         "/x",
         1},
        {"a rule without names first", {for_requests(name), for_requests({}, {live})}, "GET", "/live/1", 1},
    }));
    INFO(row.behaviour);
    const request_facts request{row.method ? row.method : "", row.path ? row.path : ""};
    client_facts facts;
    if (row.method)
        facts.request = &request;
    const table table{row.rules};
    const auto host = *host_name::parse("a.example");
    const auto found = table.find(host, facts);
    CHECK((found ? static_cast<int>(found->rule) : -1) == row.winner);
    const auto candidates = table.candidates(host, facts);
    const auto first = std::ranges::find_if(candidates, &table::candidate::holds);
    CHECK((first != candidates.end() ? static_cast<int>(first->rule) : -1) == row.winner);
}

TEST_CASE("table: knows the names that rules have, whatever else they ask for") {
    const table table{{for_requests({"a.example", "*.b.example"}, {live}), for_requests({}, {everything})}};
    CHECK(table.knows(*host_name::parse("a.example")));
    CHECK(table.knows(*host_name::parse("x.b.example")));
    CHECK_FALSE(table.knows(*host_name::parse("c.example")));
    CHECK_FALSE(snipass::route::table{}.knows(*host_name::parse("a.example")));
}

TEST_CASE("table: a path without a normal form is looked at only where a rule must") {
    struct row {
        const char* behaviour;
        std::vector<rule> rules;
        int winner; // -1: nobody can say
    };
    const std::vector<std::string> name{"a.example"};
    const auto row = GENERATE_COPY(values<struct row>({
        {"by its name alone", {for_requests(name)}, 0},
        {"by every path", {for_requests(name, {live, everything})}, 0},
        {"by a method", {for_requests(name, {}, {"GET"})}, 0},
        {"not by some paths", {for_requests(name, {live}), for_requests(name)}, -1},
        {"nor by one", {for_requests(name, {feed}), for_requests(name)}, -1},
        {"some paths of another name", {for_requests({"b.example"}, {live}), for_requests(name)}, 1},
        {"some paths of another method", {for_requests(name, {live}, {"PUT"}), for_requests(name)}, 1},
        {"some paths that come later", {for_requests(name), for_requests(name, {live})}, 0},
        {"of a less specific name", {for_requests({"*.example"}, {live}), for_requests(name)}, 1},
        {"of all names", {for_requests(name), for_requests({}, {live})}, -1},
    }));
    INFO(row.behaviour);
    const request_facts request{"GET", {}, true};
    client_facts facts;
    facts.request = &request;
    const table table{row.rules};
    const auto found = table.find(*host_name::parse("a.example"), facts);
    REQUIRE(found);
    CHECK((found->is_decided ? static_cast<int>(found->rule) : -1) == row.winner);
    const auto candidates = table.candidates(*host_name::parse("a.example"), facts);
    const auto first = std::ranges::find_if(candidates, &table::candidate::holds);
    REQUIRE(first != candidates.end());
    CHECK(first->rule == found->rule);
    CHECK(first->is_decided == found->is_decided);
}
