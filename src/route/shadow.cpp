// SPDX-License-Identifier: BSL-1.0
// One walk over all names in file order, remembering who had each before.
#include "snipass/route/shadow.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace snipass::route {
namespace {

constexpr std::size_t kinds = 3; // of patterns

std::array<std::size_t, kinds> count_names(const std::vector<rule>& rules) {
    std::array<std::size_t, kinds> counts{};
    for (const auto& rule : rules)
        for (const auto& pattern : rule.names)
            ++counts[static_cast<std::size_t>(pattern.kind)];
    return counts;
}

// A name that so many rules have is compared with no more of them.
constexpr std::size_t most_compared = 64;

// comparison tells whether one rule's conditions hold for every client that another's do. Files of a million
// names are loaded while clients come: it has a budget, and what is left when that is spent counts as
// different.
class comparison {
  public:
    [[nodiscard]] bool covers(const rule& earlier, const rule& later) {
        return (earlier.alpn.empty() || (affords(earlier.alpn.size() * later.alpn.size()) &&
                                         covers_words(earlier.alpn, later.alpn))) &&
               (earlier.source.empty() || (affords(earlier.source.size() * (later.source.size() + 2)) &&
                                           covers_sources(earlier.source, later.source))) &&
               covers_requests(earlier, later);
    }

  private:
    [[nodiscard]] bool affords(std::size_t steps) noexcept {
        if (steps > budget_)
            return false;
        budget_ -= steps;
        return true;
    }

    // A client fulfils a list of protocols, or of methods, if it has any of them.
    static bool covers_words(const std::vector<std::string>& earlier, const std::vector<std::string>& later) {
        return !later.empty() && std::ranges::all_of(later, [&earlier](const std::string& one) {
            return std::ranges::find(earlier, one) != earlier.end();
        });
    }

    static bool covers_sources(const std::vector<ip_prefix>& earlier, const std::vector<ip_prefix>& later) {
        static const std::vector everywhere{*ip_prefix::parse("0.0.0.0/0"), *ip_prefix::parse("::/0")};
        return std::ranges::all_of(later.empty() ? everywhere : later, [&earlier](const ip_prefix& one) {
            return std::ranges::any_of(earlier, [&one](const ip_prefix& other) {
                return other.contains(one.address()) && other.contains(one.last());
            });
        });
    }

    // A rule that asks for a method is for all paths, and the other way round: both are for HTTP alone.
    [[nodiscard]] bool covers_requests(const rule& earlier, const rule& later) {
        if (!earlier.is_for_http())
            return true;
        return later.is_for_http() && covers_paths(earlier.paths, later.paths) &&
               covers_methods(earlier.methods, later.methods);
    }

    [[nodiscard]] bool covers_paths(const std::vector<path_pattern>& earlier,
                                    const std::vector<path_pattern>& later) {
        if (std::ranges::any_of(earlier, &path_pattern::takes_every_path) || earlier.empty())
            return true;
        if (later.empty() || !affords(earlier.size() * later.size()))
            return false;
        return std::ranges::all_of(later, [&earlier](const path_pattern& one) {
            return std::ranges::any_of(earlier,
                                       [&one](const path_pattern& other) { return other.covers(one); });
        });
    }

    [[nodiscard]] bool covers_methods(const std::vector<std::string>& earlier,
                                      const std::vector<std::string>& later) {
        return earlier.empty() || (affords(earlier.size() * later.size()) && covers_words(earlier, later));
    }

    std::size_t budget_ = 4'000'000; // some 50 ms
};

// search is the state of that walk.
class search {
  public:
    explicit search(const std::vector<rule>& rules) : rules_(rules) {
        const auto counts = count_names(rules);
        for (std::size_t kind = 0; kind < owners_.size(); ++kind)
            owners_[kind].reserve(counts[kind]); // a million names would be moved twenty times
    }

    std::vector<shadowed_name> run();

  private:
    using reason = shadowed_name::reason;
    using owner = std::optional<std::size_t>; // a rule

    void visit_nameless();
    [[nodiscard]] owner first_covering(const std::vector<std::size_t>& rules, std::size_t rule);
    [[nodiscard]] owner same_name(const pattern& pattern, std::size_t rule);
    void visit(std::size_t rule);

    const std::vector<rule>& rules_;
    comparison compared_;
    // One map a pattern_kind: who has the name, and not in vain.
    std::array<std::unordered_multimap<std::string_view, std::size_t>, kinds> owners_;
    std::vector<std::size_t> every_name_; // rules with a regex that takes every name
    std::vector<std::size_t> nameless_;
    std::vector<shadowed_name> shadowed_;
};

// Rules without names are asked before all others, wherever they stand in the file.
void search::visit_nameless() {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        if (!rules_[i].names.empty() || !rules_[i].has_conditions())
            continue;
        if (const auto by = first_covering(nameless_, i))
            shadowed_.push_back({i, 0, *by, reason::no_names});
        else if (nameless_.size() < most_compared)
            nameless_.push_back(i);
    }
}

search::owner search::first_covering(const std::vector<std::size_t>& rules, std::size_t rule) {
    const auto by = std::ranges::find_if(
        rules, [&](std::size_t earlier) { return compared_.covers(rules_[earlier], rules_[rule]); });
    return by == rules.end() ? owner{} : owner{*by};
}

search::owner search::same_name(const pattern& pattern, std::size_t rule) {
    auto& known = owners_[static_cast<std::size_t>(pattern.kind)];
    const auto [first, last] = known.equal_range(pattern.text);
    const auto count = std::distance(first, last);
    const auto end = std::next(first, std::min<std::ptrdiff_t>(count, most_compared));
    const auto by = std::find_if(first, end, [&](const auto& earlier) {
        return compared_.covers(rules_[earlier.second], rules_[rule]);
    });
    if (by != end)
        return by->second;
    if (count < std::ptrdiff_t{most_compared})
        known.emplace(pattern.text, rule);
    return {};
}

void search::visit(std::size_t rule) {
    const auto& names = rules_[rule].names;
    const auto first = first_covering(nameless_, rule);
    const auto before = first_covering(every_name_, rule);
    bool takes_every_name = false;
    for (std::size_t n = 0; n < names.size(); ++n) {
        if (first)
            shadowed_.push_back({rule, n, *first, reason::no_names});
        else if (const auto by = same_name(names[n], rule))
            shadowed_.push_back({rule, n, *by, reason::same_name});
        else if (before && names[n].kind == pattern_kind::regex)
            shadowed_.push_back({rule, n, *before, reason::every_name});
        else
            takes_every_name = takes_every_name || names[n].takes_every_name();
    }
    if (takes_every_name && every_name_.size() < most_compared)
        every_name_.push_back(rule);
}

std::vector<shadowed_name> search::run() {
    visit_nameless();
    for (std::size_t i = 0; i < rules_.size(); ++i)
        visit(i);
    std::ranges::stable_sort(shadowed_, {}, &shadowed_name::rule);
    return std::move(shadowed_);
}

} // namespace

std::vector<shadowed_name> find_shadowed(const std::vector<rule>& rules) {
    return search{rules}.run();
}

} // namespace snipass::route
