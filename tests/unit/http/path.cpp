// SPDX-License-Identifier: BSL-1.0
#include "snipass/http/path.hpp"

#include "catch.hpp"
#include "hello_builder.hpp"
#include "snipass/http/head_error.hpp"

#include <string>

using namespace snipass;
using http::head_error;

namespace {

struct row {
    const char* path;
    const char* normal; // empty: refused
    head_error why = head_error::end_;
};

// The examples of RFC 3986 sections 5.2.4 and 5.4, and what is between them.
const row rows[] = {
    {"/", "/"},
    {"/a/b/c/./../../g", "/a/g"},
    {"/a", "/a"},
    {"/a/", "/a/"},
    {"/a/.", "/a/"},
    {"/a/./", "/a/"},
    {"/a/..", "/"},
    {"/a/../", "/"},
    {"/a/b/..", "/a/"},
    {"/a/b/../", "/a/"},
    {"/a/b/../c", "/a/c"},
    {"/a//b", "/a//b"},
    {"/a//../b", "/a/b"},
    {"//", "//"},
    {"//..", "/"},
    {"/.a", "/.a"},
    {"/..a", "/..a"},
    {"/...", "/..."},
    {"/a.", "/a."},
    {"/a../b", "/a../b"},
    {"/%61%7E%2d%2E%5f", "/a~-._"},
    {"/%2e/a", "/a"},
    {"/a/%2E%2e/b", "/b"},
    {"/a/.%2e/b", "/b"},
    {"/%3f%3a%20", "/%3F%3A%20"},
    {"/%c3%A4", "/%C3%A4"},
    {"/%252e", "/%252e"},
    {"/%252e%2e", "/%252e."},
    {"/Aa", "/Aa"},
    {"/a;b=c,d:e@f!$&'()*+", "/a;b=c,d:e@f!$&'()*+"},
    {"/[|]", "/[|]"},
    {"", "", head_error::path_byte},
    {"a", "", head_error::path_byte},
    {"/a b", "", head_error::path_byte},
    {"/a?b", "", head_error::path_byte},
    {"/{a}", "", head_error::path_byte},
    {"/%", "", head_error::path_escape},
    {"/%4", "", head_error::path_escape},
    {"/%4g", "", head_error::path_escape},
    {"/%%41", "", head_error::path_escape},
    {"/%2f", "", head_error::path_separator},
    {"/a%5C..", "", head_error::path_separator},
    {"/a\\b", "", head_error::path_separator},
    {"/%00", "", head_error::path_nul},
    {"/..", "", head_error::path_above_root},
    {"/.", "/"},
    {"/./..", "", head_error::path_above_root},
    {"/a/../..", "", head_error::path_above_root},
    {"/a/../../b", "", head_error::path_above_root},
};

} // namespace

TEST_CASE("a path has one normal form, or is refused by a rule of its own") {
    for (const auto& row : rows) {
        CAPTURE(row.path);
        testing::bytes scratch;
        const auto normal = http::normalise_path(row.path, scratch);
        if (row.why != head_error::end_) {
            REQUIRE_FALSE(normal);
            CHECK(normal.error() == row.why);
            continue;
        }
        REQUIRE(normal);
        CHECK(*normal == row.normal);
        const std::string once{*normal};
        CHECK(http::normalise_path(once, scratch).value() == once);
    }
}

TEST_CASE("a path that is normal already is not copied") {
    const std::string path = "/a/b.c/d";
    testing::bytes scratch;
    CHECK(http::normalise_path(path, scratch).value().data() == path.data());
    CHECK(scratch.empty());
}
