// SPDX-License-Identifier: BSL-1.0
#include "snipass/route/shadow.hpp"

#include "catch.hpp"

using snipass::ip_prefix;
using snipass::route::find_shadowed;
using snipass::route::pattern;
using snipass::route::rule;

namespace {

rule named(const std::vector<std::string>& names) {
    rule made;
    for (const auto& name : names)
        made.names.push_back(*pattern::parse(name).value);
    return made;
}

rule with_alpn(rule made) {
    made.alpn = {"acme-tls/1"};
    return made;
}

rule with_source(rule made) {
    made.source = {*ip_prefix::parse("192.0.2.0/24")};
    return made;
}

rule from(const std::vector<std::string>& sources) {
    auto made = named({"a"});
    for (const auto& source : sources)
        made.source.push_back(*ip_prefix::parse(source));
    return made;
}

rule speaks(const std::vector<std::string>& alpn) {
    auto made = named({"a"});
    made.alpn = alpn;
    return made;
}

rule asks(const std::vector<std::string>& paths, std::vector<std::string> methods = {}) {
    auto made = named({"a"});
    for (const auto& path : paths) {
        const bool is_folder = path.ends_with('*');
        made.paths.push_back({path.substr(0, path.size() - (is_folder ? 1 : 0)), is_folder});
    }
    made.methods = std::move(methods);
    return made;
}

struct row {
    const char* behaviour;
    std::vector<rule> rules;
    std::vector<std::array<std::size_t, 3>> expected; // rule, name, by
};

} // namespace

TEST_CASE("find_shadowed") {
    const auto row = GENERATE(values<struct row>({
        {"nothing in nothing", {}, {}},
        {"different names", {named({"a"}), named({"b"})}, {}},
        {"the same name twice", {named({"a"}), named({"a"})}, {{1, 0, 0}}},
        {"however it is written", {named({"A.example."}), named({"a.EXAMPLE"})}, {{1, 0, 0}}},
        {"not an exact name by a wildcard", {named({"*.a"}), named({"b.a", "a"})}, {}},
        {"a wildcard by the same wildcard", {named({"*.a"}), named({"*.a"})}, {{1, 0, 0}}},
        {"a regex by the same regex", {named({"/a.*/"}), named({"/a.*/"})}, {{1, 0, 0}}},
        {"not by a rule that asks for ALPN", {with_alpn(named({"a"})), named({"a"})}, {}},
        {"not by a rule that asks for a source", {with_source(named({"a"})), named({"a"})}, {}},
        {"although it asks for more itself", {named({"a"}), with_alpn(named({"a"}))}, {{1, 0, 0}}},
        {"by one with the same conditions", {with_alpn(named({"a"})), with_alpn(named({"a"}))}, {{1, 0, 0}}},
        {"by one with less conditions",
         {with_alpn(named({"a"})), with_source(with_alpn(named({"a"})))},
         {{1, 0, 0}}},
        {"not by one with other conditions", {with_alpn(named({"a"})), with_source(named({"a"}))}, {}},
        {"by a source around its own", {from({"10.0.0.0/8"}), from({"10.1.0.0/16"})}, {{1, 0, 0}}},
        {"not by a source inside its own", {from({"10.1.0.0/16"}), from({"10.0.0.0/8"})}, {}},
        {"not where one source of two is left", {from({"10.0.0.0/8"}), from({"10.1.0.0/16", "::/0"})}, {}},
        {"by all the sources that there are", {from({"0.0.0.0/0", "::/0"}), named({"a"})}, {{1, 0, 0}}},
        {"by more protocols", {speaks({"h2", "h3"}), speaks({"h3"})}, {{1, 0, 0}}},
        {"not by fewer protocols", {speaks({"h2"}), speaks({"h2", "h3"})}, {}},
        {"by the one that takes all", {with_alpn(named({"a"})), named({"a"}), named({"a"})}, {{2, 0, 1}}},
        {"one name of several", {named({"a", "b"}), named({"c", "b"})}, {{1, 1, 0}}},
        {"by a rule without names, wherever it stands",
         {with_alpn(named({"a", "*.b"})), with_alpn(named({}))},
         {{0, 0, 1}, {0, 1, 1}}},
        {"not by one that asks for more", {with_alpn(named({"a"})), with_source(with_alpn(named({})))}, {}},
        {"not those without its condition", {named({"a"}), with_alpn(named({}))}, {}},
        {"a rule without names by one before it", {with_alpn(named({})), with_alpn(named({}))}, {{1, 0, 0}}},
        {"a regex by one that takes every name", {named({"/.*/"}), named({"/a/", "a"})}, {{1, 0, 0}}},
        {"not a regex before it", {named({"/a/"}), named({"/.*/"})}, {}},
        {"not by one with a condition", {with_alpn(named({"/.+/"})), named({"/a/"})}, {}},
        {"a name that its rule has twice", {named({"a", "A"})}, {{0, 1, 0}}},
        {"paths by a rule without any", {named({"a"}), asks({"/x"})}, {{1, 0, 0}}},
        {"not those without paths: who speaks TLS has none", {asks({"/*"}), named({"a"})}, {}},
        {"paths by a folder around them", {asks({"/x/*"}), asks({"/x/y", "/x/z/*"})}, {{1, 0, 0}}},
        {"not by a path inside the folder", {asks({"/x/y"}), asks({"/x/*"})}, {}},
        {"not where one path of two is left", {asks({"/x/*"}), asks({"/x/y", "/x"})}, {}},
        {"paths by several", {asks({"/x", "/y"}), asks({"/y", "/x"})}, {{1, 0, 0}}},
        {"not by a rule that asks for a method, too", {asks({"/x"}, {"GET"}), asks({"/x"})}, {}},
        {"methods by more of them", {asks({}, {"GET", "PUT"}), asks({"/x"}, {"PUT"})}, {{1, 0, 0}}},
        {"not by a path, where it has methods alone", {asks({"/x"}), asks({}, {"GET"})}, {}},
        {"methods by every path", {asks({"/*"}), asks({}, {"GET"})}, {{1, 0, 0}}},
    }));
    INFO(row.behaviour);
    std::vector<std::array<std::size_t, 3>> found;
    for (const auto& name : find_shadowed(row.rules))
        found.push_back({name.rule, name.name, name.by});
    CHECK(found == row.expected);
}

TEST_CASE("find_shadowed: long lists of conditions take no time that grows with their square") {
    std::vector<rule> rules;
    for (int i = 0; i < 100; ++i) {
        auto one = named({"a", "b", "c", "d", "e"});
        for (int n = 0; n < 2'000; ++n)
            one.source.push_back(
                *ip_prefix::parse("10." + std::to_string(n / 256) + "." + std::to_string(n % 256) + ".0/24"));
        one.source.push_back(*ip_prefix::parse("192.168." + std::to_string(i) + ".0/24"));
        rules.push_back(std::move(one));
    }
    CHECK(find_shadowed(rules).empty()); // minutes, if all were compared
}
