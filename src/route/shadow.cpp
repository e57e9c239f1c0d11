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

// A name that so many rules have is compared with no more of them: the walk stays linear in the file.
constexpr std::ptrdiff_t most_compared = 64;

bool lies_in(const ip_prefix& one, const std::vector<ip_prefix>& others) {
    return std::ranges::any_of(others, [&one](const ip_prefix& other) {
        return other.contains(one.address()) && other.contains(one.last());
    });
}

bool covers_sources(const rule& earlier, const rule& later) {
    if (earlier.source.empty())
        return true;
    static const std::vector everywhere{*ip_prefix::parse("0.0.0.0/0"), *ip_prefix::parse("::/0")};
    const auto& sources = later.source.empty() ? everywhere : later.source;
    return std::ranges::all_of(sources, [&](const ip_prefix& one) { return lies_in(one, earlier.source); });
}

// A client fulfils `alpn` if it offers any of its values.
bool covers_alpn(const rule& earlier, const rule& later) {
    if (earlier.alpn.empty())
        return true;
    return !later.alpn.empty() && std::ranges::all_of(later.alpn, [&earlier](const std::string& one) {
        return std::ranges::find(earlier.alpn, one) != earlier.alpn.end();
    });
}

} // namespace

std::vector<shadowed_name> find_shadowed(const std::vector<rule>& rules) {
    std::vector<shadowed_name> shadowed;
    // One map a pattern_kind: who has the name, and not in vain.
    std::array<std::unordered_multimap<std::string_view, std::size_t>, kinds> owners;
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
                return covers_sources(rules[earlier.second], rules[i]) &&
                       covers_alpn(rules[earlier.second], rules[i]);
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
