// SPDX-License-Identifier: BSL-1.0
// The input is a recipe for rules and for a client: the table must answer as the rules of precedence do,
// taken literally.
#include "snipass/route/table.hpp"
#include "fuzz_target.hpp"
#include "snipass/route/shadow.hpp"

#include <algorithm>
#include <array>
#include <vector>

using namespace snipass;
using namespace snipass::fuzz;
using route::pattern_kind;

namespace {

// recipe hands out the bytes of the input, then zeroes. Few labels, so that names meet.
class recipe {
  public:
    explicit recipe(byte_view bytes) : rest_(bytes) {}

    std::size_t below(std::size_t bound) {
        if (rest_.empty())
            return 0;
        const auto byte = rest_[0];
        rest_ = rest_.subspan(1);
        return byte % bound;
    }
    std::string name() {
        constexpr std::array<const char*, 6> labels{"a", "b", "aa", "ab", "c-", "_"};
        std::string name = labels[below(labels.size())];
        for (auto more = below(5); more > 0; --more)
            name += std::string(".") + labels[below(labels.size())];
        return name;
    }
    bool empty() const { return rest_.empty(); }

  private:
    byte_view rest_;
};

// Regexes whose meaning is plain enough to be said twice.
struct regex {
    const char* text;
    bool (*matches)(std::string_view name);
};
constexpr std::array<regex, 4> regexes{
    {{".*", [](std::string_view) { return true; }},
     {"A.*", [](std::string_view name) { return name.starts_with('a'); }},
     {".*\\.b", [](std::string_view name) { return name.ends_with(".b"); }},
     {"[^.]+", [](std::string_view name) { return name.find('.') == name.npos; }}}};

const std::array<route::path_pattern, 3> paths{{{"/", true}, {"/a/", true}, {"/a/b", false}}};

// What a client asks for; null: it speaks TLS.
struct asked {
    const char* method;
    const char* path; // null: it has no normal form
};
constexpr std::array<asked, 5> requests{
    {{nullptr, nullptr}, {"GET", "/a/b"}, {"PUT", "/a/b"}, {"GET", "/b"}, {"GET", nullptr}}};

// may_take says of each of the paths and requests above whether the rule's conditions on them hold, once
// more.
bool may_take(const route::rule& rule, const asked& one) {
    if (one.method == nullptr)
        return rule.paths.empty() && rule.methods.empty();
    const std::string_view path = one.path != nullptr ? one.path : "";
    const bool has_path =
        rule.paths.empty() || rule.paths[0].text == "/" || one.path == nullptr ||
        (rule.paths[0].text == "/a/" ? path.starts_with("/a/") : path == rule.paths[0].text);
    return has_path && (rule.methods.empty() || std::string_view{one.method} == "GET");
}

route::rule cook_rule(recipe& from) {
    route::rule rule;
    for (auto count = from.below(4); count > 0; --count) {
        const auto kind = from.below(5);
        if (kind == 4)
            rule.names.push_back({pattern_kind::regex, regexes[from.below(regexes.size())].text});
        else
            rule.names.push_back({kind < 2 ? pattern_kind::exact : pattern_kind::wildcard, from.name()});
    }
    const auto conditions = from.below(6);
    if ((conditions & 1) || rule.names.empty())
        rule.alpn = {"h2"};
    if (conditions & 4)
        rule.source = {*ip_prefix::parse("192.0.2.0/24")};
    if (const auto path = from.below(2 * paths.size()); path < paths.size())
        rule.paths = {paths[path]};
    if (from.below(8) == 7)
        rule.methods = {"GET"};
    return rule;
}

// The key of precedence: exact, then wildcards by their length, then regexes by their order; 0: no match.
std::size_t rank(const route::pattern& pattern, std::string_view name) {
    constexpr std::size_t exact = 1'000;
    switch (pattern.kind) {
    case pattern_kind::exact:
        return pattern.text == name ? exact : 0;
    case pattern_kind::wildcard:
        return name.ends_with("." + pattern.text) ? 1 + pattern.text.size() : 0;
    case pattern_kind::any: // no pattern that a rule could have
        return 0;
    case pattern_kind::regex:
        break;
    }
    const auto found = std::find_if(regexes.begin(), regexes.end(),
                                    [&](const regex& one) { return pattern.text == one.text; });
    return found->matches(name) ? 1 : 0;
}

std::optional<std::size_t> reference(const std::vector<route::rule>& rules, std::string_view name, bool h2,
                                     bool inside, const asked& request) {
    constexpr std::size_t nameless = 2'000;
    std::optional<std::size_t> best;
    std::size_t best_rank = 0;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        if ((!rules[i].alpn.empty() && !h2) || (!rules[i].source.empty() && !inside))
            continue;
        if (!may_take(rules[i], request))
            continue;
        if (rules[i].names.empty() && best_rank < nameless) {
            best = i;
            best_rank = nameless;
        }
        for (const auto& pattern : rules[i].names) {
            if (rank(pattern, name) <= best_rank)
                continue;
            best = i;
            best_rank = rank(pattern, name);
        }
    }
    return best;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    recipe from{byte_view{data, size}};
    std::vector<route::rule> rules;
    for (auto count = from.below(40); count > 0 && !from.empty(); --count)
        rules.push_back(cook_rule(from));
    const route::table table{rules};
    const auto shadowed = route::find_shadowed(rules);

    const std::string h2 = "\x02h2";
    for (int i = 0; i < 8; ++i) {
        const auto name = *host_name::parse(from.name());
        const bool offers = from.below(2) == 1;
        const bool inside = from.below(2) == 1;
        const auto& request = requests[from.below(requests.size())];
        const bool in_clear = request.method != nullptr;
        const bool is_unsafe = in_clear && request.path == nullptr;
        const route::request_facts said{in_clear ? request.method : "",
                                        in_clear && !is_unsafe ? request.path : "", is_unsafe};
        const route::client_facts client{*ip_address::parse(inside ? "192.0.2.7" : "10.0.0.1"),
                                         offers ? alpn_list{as_bytes(h2)} : alpn_list{},
                                         in_clear ? &said : nullptr};
        const auto found = table.find(name, client);
        const auto expected = reference(rules, name.text(), offers, inside, request);
        require(found.has_value() == expected.has_value(), "found if and only if a rule matches");
        if (!found)
            continue;
        require(found->rule == *expected, "the rule is the one that precedence says");
        const auto& asks = rules[found->rule].paths;
        require(found->is_decided == (!is_unsafe || asks.empty() || asks[0].text == "/"),
                "what a path without a normal form decides is nothing");
        const auto& names = rules[found->rule].names;
        const auto by =
            std::find(names.begin(), names.end(), route::pattern{found->kind, std::string(found->pattern)});
        require((by != names.end()) == !names.empty(), "the pattern is one of the rule's, if it has any");
        const auto index = static_cast<std::size_t>(by - names.begin());
        require(std::none_of(shadowed.begin(), shadowed.end(),
                             [&](const auto& one) {
                                 return one.rule == found->rule && one.name == index && one.by != one.rule;
                             }),
                "a shadowed name never wins");
    }
    return 0;
}
