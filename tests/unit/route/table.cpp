// SPDX-License-Identifier: BSL-1.0
#include "snipass/route/table.hpp"

#include "catch.hpp"

#include <algorithm>
#include <map>
#include <random>

using snipass::alpn_list;
using snipass::host_name;
using snipass::ip_address;
using snipass::ip_prefix;
using snipass::route::client_facts;
using snipass::route::pattern;
using snipass::route::pattern_kind;
using snipass::route::rule;
using snipass::route::table;

namespace {

rule make_rule(const std::vector<std::string>& names, std::vector<std::string> alpn = {},
               const std::vector<std::string>& sources = {}) {
    rule made;
    for (const auto& name : names)
        made.names.push_back(*pattern::parse(name).value);
    made.alpn = std::move(alpn);
    for (const auto& source : sources)
        made.source.push_back(*ip_prefix::parse(source));
    return made;
}

// A client that offers these protocols; the view inside points into it.
class client {
  public:
    client(const std::vector<std::string>& alpn, const std::string& source)
        : source_(*ip_address::parse(source)) {
        for (const auto& protocol : alpn)
            (entries_ += static_cast<char>(protocol.size())) += protocol;
    }
    [[nodiscard]] client_facts facts() const { return {source_, alpn_list{snipass::as_bytes(entries_)}}; }

  private:
    ip_address source_;
    std::string entries_;
};

const client anyone{{"h2", "http/1.1"}, "203.0.113.9"};

// winner is the rule that wins, or -1. find and candidates must agree.
int winner(const table& table, const std::string& name, const client& who = anyone) {
    const auto parsed = *host_name::parse(name);
    const auto found = table.find(parsed, who.facts());
    const auto candidates = table.candidates(parsed, who.facts());
    const auto first = std::ranges::find_if(candidates, &table::candidate::holds);
    CHECK(found.has_value() == (first != candidates.end()));
    if (!found || first == candidates.end())
        return -1;
    CHECK(found->rule == first->rule);
    CHECK(found->kind == first->kind);
    CHECK(found->pattern == first->pattern);
    return static_cast<int>(found->rule);
}

struct precedence_row {
    const char* behaviour;
    std::vector<rule> rules;
    std::string name;
    int winner;
};

const std::string deep = [] { // 127 labels, 253 characters
    std::string name = "a";
    for (int i = 1; i < 127; ++i)
        name += ".a";
    return name;
}();

} // namespace

TEST_CASE("table: which name wins") {
    const auto row = GENERATE(values<precedence_row>({
        {"an exact name", {make_rule({"a.example"})}, "a.example", 0},
        {"not another name", {make_rule({"a.example"})}, "b.example", -1},
        {"not a name below it", {make_rule({"a.example"})}, "x.a.example", -1},
        {"not a name above it", {make_rule({"x.a.example"})}, "a.example", -1},
        {"not a name that ends alike", {make_rule({"a.example"})}, "ba.example", -1},
        {"any of a rule's names", {make_rule({"a.example", "b.example"})}, "b.example", 0},
        {"case does not matter", {make_rule({"A.Example"})}, "a.EXAMPLE", 0},
        {"nor does one trailing dot", {make_rule({"a.example."})}, "a.example.", 0},
        {"a wildcard matches one label", {make_rule({"*.example"})}, "a.example", 0},
        {"a wildcard matches several labels", {make_rule({"*.example"})}, "c.b.a.example", 0},
        {"a wildcard does not match its own domain", {make_rule({"*.example"})}, "example", -1},
        {"a wildcard does not match a part of a label", {make_rule({"*.example"})}, "a.myexample", -1},
        {"exact before wildcard, whatever the order",
         {make_rule({"*.example"}), make_rule({"a.example"})},
         "a.example",
         1},
        {"the longest wildcard", {make_rule({"*.example"}), make_rule({"*.b.example"})}, "a.b.example", 1},
        {"the longest wildcard, in the other order",
         {make_rule({"*.b.example"}), make_rule({"*.example"})},
         "a.b.example",
         0},
        {"a shorter one where the longer does not match",
         {make_rule({"*.b.example"}), make_rule({"*.example"})},
         "b.example",
         1},
        {"a wildcard before a regex", {make_rule({"/.*/"}), make_rule({"*.example"})}, "a.example", 1},
        {"a regex", {make_rule({"/[0-9]+\\.example/"})}, "42.example", 0},
        {"a regex matches the whole name", {make_rule({"/example/"})}, "a.example", -1},
        {"a regex folds case", {make_rule({"/WWW\\.example/"})}, "www.EXAMPLE", 0},
        {"the first of two regexes", {make_rule({"/a.*/"}), make_rule({"/.*/"})}, "a.example", 0},
        {"the first of two regexes that match", {make_rule({"/b.*/"}), make_rule({"/.*/"})}, "a.example", 1},
        {"the first of two rules with the same name", {make_rule({"a"}), make_rule({"a"})}, "a", 0},
        {"a name of 127 labels, exact", {make_rule({deep})}, deep, 0},
        {"a name of 127 labels, by the longest wildcard",
         {make_rule({"*.a"}), make_rule({"*." + deep.substr(2)})},
         deep,
         1},
        {"a name of 127 labels, by the shortest wildcard", {make_rule({"*.a"})}, deep, 0},
        {"nobody in an empty table", {}, "a.example", -1},
    }));
    INFO(row.behaviour);
    CHECK(winner(table{row.rules}, row.name) == row.winner);
}

TEST_CASE("table: conditions beside the name") {
    struct row {
        const char* behaviour;
        std::vector<rule> rules;
        client who;
        int winner;
    };
    const client acme{{"acme-tls/1"}, "203.0.113.9"};
    const client office{{"h2"}, "192.0.2.7"};
    const client both{{"h2", "acme-tls/1"}, "192.0.2.7"};
    const client silent{{}, "2001:db8::1"};
    const std::vector<std::string> name{"www.site.example"};
    const auto row = GENERATE_COPY(values<struct row>({
        {"ALPN holds", {make_rule(name, {"acme-tls/1"})}, acme, 0},
        {"ALPN holds for any protocol the client offers", {make_rule(name, {"acme-tls/1"})}, both, 0},
        {"ALPN holds for any protocol the rule names", {make_rule(name, {"x", "h2"})}, office, 0},
        {"ALPN does not hold", {make_rule(name, {"acme-tls/1"})}, office, -1},
        {"ALPN does not hold for a client that offers none", {make_rule(name, {"h2"})}, silent, -1},
        {"ALPN is compared whole", {make_rule(name, {"h"})}, office, -1},
        {"ALPN is compared as it is", {make_rule(name, {"H2"})}, office, -1},
        {"the source holds", {make_rule(name, {}, {"192.0.2.0/24"})}, office, 0},
        {"any source holds", {make_rule(name, {}, {"10.0.0.0/8", "192.0.2.0/24"})}, office, 0},
        {"the source does not hold", {make_rule(name, {}, {"192.0.2.0/24"})}, acme, -1},
        {"every condition must hold: not the source",
         {make_rule(name, {"acme-tls/1"}, {"192.0.2.0/24"})},
         acme,
         -1},
        {"every condition must hold: not the ALPN",
         {make_rule(name, {"acme-tls/1"}, {"192.0.2.0/24"})},
         office,
         -1},
        {"every condition holds", {make_rule(name, {"acme-tls/1"}, {"192.0.2.0/24"})}, both, 0},
        {"same name: the first that holds",
         {make_rule(name, {"x"}), make_rule(name, {"h2"}), make_rule(name)},
         office,
         1},
        {"same name: in file order, not the most conditions first",
         {make_rule(name), make_rule(name, {"h2"})},
         office,
         0},
        {"none holds: the wildcard", {make_rule(name, {"x"}), make_rule({"*.site.example"})}, office, 1},
        {"none holds: the longest wildcard that holds",
         {make_rule({"*.example"}), make_rule({"*.site.example"}, {"x"}), make_rule(name, {"x"})},
         office,
         0},
        {"none holds: the regex",
         {make_rule(name, {"x"}), make_rule({"*.example"}, {"x"}), make_rule({"/.*/"})},
         office,
         2},
        {"none holds: the next regex that matches",
         {make_rule({"/w.*/"}, {"x"}), make_rule({"/x.*/"}), make_rule({"/.*/"})},
         office,
         2},
    }));
    INFO(row.behaviour);
    CHECK(winner(table{row.rules}, "www.site.example", row.who) == row.winner);
}

TEST_CASE("table: a match names the pattern") {
    const table table{{make_rule({"A.example"}), make_rule({"*.b.example"}), make_rule({"/c.*/"})}};
    const auto pattern_of = [&](const char* name) {
        const auto found = table.find(*host_name::parse(name), anyone.facts());
        return snipass::route::pattern{found->kind, std::string(found->pattern)}.to_string();
    };
    CHECK(pattern_of("a.example") == "a.example");
    CHECK(pattern_of("y.x.b.example") == "*.b.example");
    CHECK(pattern_of("c9") == "/c.*/");
}

TEST_CASE("table: candidates tell who else has the name, and why not") {
    const table table{{make_rule({"*.example"}), make_rule({"a.b.example"}, {"x"}, {"192.0.2.0/24"}),
                       make_rule({"a.b.example"}, {"h2"}, {"192.0.2.0/24"}),
                       make_rule({"*.b.example"}, {"x"}), make_rule({"/.*/"}), make_rule({"c.example"})}};
    const auto steps = table.candidates(*host_name::parse("a.b.example"), anyone.facts());
    REQUIRE(steps.size() == 5);
    CHECK((steps[0].rule == 1 && !steps[0].alpn_holds && !steps[0].source_holds));
    CHECK((steps[1].rule == 2 && steps[1].alpn_holds && !steps[1].source_holds));
    CHECK((steps[2].rule == 3 && steps[2].kind == pattern_kind::wildcard && !steps[2].alpn_holds));
    CHECK((steps[3].rule == 0 && steps[3].alpn_holds && steps[3].source_holds));
    CHECK((steps[4].rule == 4 && steps[4].kind == pattern_kind::regex && steps[4].pattern == ".*"));
}

TEST_CASE("table: a default-made and a moved-from table match nobody") {
    table first{{make_rule({"a"}), make_rule({"/b/"})}};
    CHECK(first.size() == 2);
    const table second = std::move(first);
    CHECK(winner(second, "a") == 0);
    CHECK(winner(first, "a") == -1); // NOLINT(bugprone-use-after-move): that is the test
    CHECK(table{}.size() == 0);
    CHECK(winner(table{}, "a") == -1);
}

TEST_CASE("table: rules without names come before all others, in file order") {
    const table table{{make_rule({"a"}), make_rule({}, {"x"}), make_rule({}, {"x", "y"})}};
    const client x{{"h2", "x"}, "192.0.2.1"};
    const client y{{"y"}, "192.0.2.1"};
    CHECK(winner(table, "a") == 0);
    CHECK(winner(table, "a", x) == 1);
    CHECK(winner(table, "a", y) == 2);
    CHECK(winner(table, "b", y) == 2);
    CHECK(winner(table, "b") == -1);
    CHECK(table.find(*host_name::parse("a"), x.facts())->kind == pattern_kind::any);
    CHECK(table.size() == 1);
}

TEST_CASE("table: a client without a host name is for rules without names alone") {
    const table table{{make_rule({"/.*/"}), make_rule({}, {"x"})}};
    const client x{{"x"}, "192.0.2.1"};
    REQUIRE(table.find(x.facts()));
    CHECK(table.find(x.facts())->rule == 1);
    CHECK_FALSE(table.find(anyone.facts()));
    REQUIRE(table.candidates(anyone.facts()).size() == 1);
    CHECK_FALSE(table.candidates(anyone.facts())[0].alpn_holds);
}

namespace {

// The rules of precedence, word by word and slowly.
int reference(const std::vector<rule>& rules, const host_name& name, const client_facts& who) {
    const auto holds = [&](const rule& rule) {
        const auto offered = [&](const std::string& alpn) { return who.alpn.contains(alpn); };
        const auto inside = [&](const ip_prefix& prefix) { return prefix.contains(who.source); };
        return (rule.alpn.empty() || std::any_of(rule.alpn.begin(), rule.alpn.end(), offered)) &&
               (rule.source.empty() || std::any_of(rule.source.begin(), rule.source.end(), inside));
    };
    const auto nameless =
        std::ranges::find_if(rules, [&](const rule& rule) { return rule.names.empty() && holds(rule); });
    if (nameless != rules.end())
        return static_cast<int>(nameless - rules.begin());
    // Best is the longest key; exact counts one more than a wildcard can.
    int best = -1;
    std::size_t best_length = 0;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        for (const auto& pattern : rules[i].names) {
            const bool exact = pattern.kind == pattern_kind::exact && pattern.text == name.text();
            const bool wildcard =
                pattern.kind == pattern_kind::wildcard && name.text().ends_with("." + pattern.text);
            const auto length = exact ? host_name::max_size + 1 : wildcard ? pattern.text.size() : 0;
            if (length <= best_length || !holds(rules[i]))
                continue;
            best = static_cast<int>(i);
            best_length = length;
        }
    }
    return best;
}

} // namespace

TEST_CASE("table: agrees with the rules of precedence taken literally") {
    std::mt19937 random{42};
    const auto label = [&] { return std::string(1 + random() % 2, static_cast<char>('a' + random() % 3)); };
    const auto some_name = [&] {
        auto name = label();
        for (auto more = random() % 5; more > 0; --more)
            name += "." + label();
        return name;
    };
    const std::vector<client> clients{client{{}, "2001:db8::1"}, client{{"h2"}, "192.0.2.1"},
                                      client{{"x"}, "10.0.0.1"}};
    for (int round = 0; round < 60; ++round) {
        std::vector<rule> rules;
        for (auto count = random() % 120; count > 0; --count) {
            std::vector<std::string> names;
            for (auto n = 1 + random() % 3; n > 0; --n)
                names.push_back((random() % 2 ? "*." : "") + some_name());
            rules.push_back(make_rule(
                names, random() % 4 ? std::vector<std::string>{} : std::vector<std::string>{"h2"},
                random() % 4 ? std::vector<std::string>{} : std::vector<std::string>{"10.0.0.0/8"}));
        }
        if (random() % 2)
            rules.insert(rules.begin() + static_cast<std::ptrdiff_t>(random() % (rules.size() + 1)),
                         make_rule({}, {"h2"}, {"192.0.2.0/24"}));
        const table table{rules};
        for (int i = 0; i < 300; ++i) {
            const auto name = *host_name::parse(some_name());
            const auto facts = clients[random() % clients.size()].facts();
            const auto found = table.find(name, facts);
            if ((found ? static_cast<int>(found->rule) : -1) != reference(rules, name, facts))
                FAIL(name.text());
        }
    }
}

TEST_CASE("table: finds each of many names, and none that it does not have") {
    constexpr std::size_t count = 30'000;
    const auto exact = [](std::size_t i) { return "host" + std::to_string(i) + ".example"; };
    std::vector<rule> rules(3);
    for (std::size_t i = 0; i < count; ++i) {
        rules[0].names.push_back({pattern_kind::exact, exact(i)});
        rules[1].names.push_back({pattern_kind::wildcard, exact(i)});
    }
    rules[2] = make_rule({"/other.*/"});
    const table table{rules};
    CHECK(table.size() == 2 * count + 1);
    std::size_t wrong = 0;
    const auto check = [&](const std::string& name, int expected) {
        const auto found = table.find(*host_name::parse(name), anyone.facts());
        wrong += (found ? static_cast<int>(found->rule) : -1) != expected;
    };
    for (std::size_t i = 0; i < count; ++i) {
        check(exact(i), 0);
        check("www." + exact(i), 1);
        check(exact(count + i), -1);
        check("other." + exact(count + i), 2);
    }
    CHECK(wrong == 0);
}
