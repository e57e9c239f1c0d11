// One walk over all names in file order, remembering who had each before.
#include "snipass/route/shadow.hpp"

#include <algorithm>
#include <array>
#include <iterator>
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
constexpr std::ptrdiff_t most_compared = 64;

// comparison tells whether one rule's conditions hold for every client that another's do. Files of a million
// names are loaded while clients come: it has a budget, and what is left when that is spent counts as
// different.
class comparison {
  public:
    [[nodiscard]] bool covers(const rule& earlier, const rule& later) {
        return (earlier.alpn.empty() || (affords(earlier.alpn.size() * later.alpn.size()) &&
                                         covers_alpn(earlier.alpn, later.alpn))) &&
               (earlier.source.empty() || (affords(earlier.source.size() * (later.source.size() + 2)) &&
                                           covers_sources(earlier.source, later.source)));
    }

  private:
    [[nodiscard]] bool affords(std::size_t steps) noexcept {
        if (steps > budget_)
            return false;
        budget_ -= steps;
        return true;
    }

    // A client fulfils a list of protocols if it offers any of them.
    static bool covers_alpn(const std::vector<std::string>& earlier, const std::vector<std::string>& later) {
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

    std::size_t budget_ = 4'000'000; // some 50 ms
};

} // namespace

std::vector<shadowed_name> find_shadowed(const std::vector<rule>& rules) {
    std::vector<shadowed_name> shadowed;
    // One map a pattern_kind: who has the name, and not in vain.
    std::array<std::unordered_multimap<std::string_view, std::size_t>, kinds> owners;
    comparison compared;
    const auto counts = count_names(rules);
    for (std::size_t kind = 0; kind < owners.size(); ++kind)
        owners[kind].reserve(counts[kind]); // a million names would be moved twenty times
    for (std::size_t i = 0; i < rules.size(); ++i) {
        for (std::size_t n = 0; n < rules[i].names.size(); ++n) {
            const auto& pattern = rules[i].names[n];
            auto& known = owners[static_cast<std::size_t>(pattern.kind)];
            const auto [first, last] = known.equal_range(pattern.text);
            const auto end = std::next(first, std::min(std::distance(first, last), most_compared));
            const auto by = std::find_if(first, end, [&](const auto& earlier) {
                return compared.covers(rules[earlier.second], rules[i]);
            });
            if (by != end)
                shadowed.push_back({i, n, by->second});
            else if (std::distance(first, last) < most_compared)
                known.emplace(pattern.text, i);
        }
    }
    return shadowed;
}

} // namespace snipass::route
