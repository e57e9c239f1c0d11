// One walk over all names in file order, remembering who took each first without a condition.
#include "snipass/route/shadow.hpp"

#include <array>
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

bool is_unconditional(const rule& rule) {
    return rule.alpn.empty() && rule.source.empty();
}

} // namespace

std::vector<shadowed_name> find_shadowed(const std::vector<rule>& rules) {
    std::vector<shadowed_name> shadowed;
    // One map a pattern_kind: who took the name first, without a condition.
    std::array<std::unordered_map<std::string_view, std::size_t>, kinds> owners;
    const auto counts = count_names(rules);
    for (std::size_t kind = 0; kind < owners.size(); ++kind)
        owners[kind].reserve(counts[kind]); // a million names would be moved twenty times
    for (std::size_t i = 0; i < rules.size(); ++i) {
        for (std::size_t n = 0; n < rules[i].names.size(); ++n) {
            const auto& pattern = rules[i].names[n];
            auto& owner = owners[static_cast<std::size_t>(pattern.kind)];
            const auto earlier = owner.find(pattern.text);
            if (earlier != owner.end())
                shadowed.push_back({i, n, earlier->second});
            else if (is_unconditional(rules[i]))
                owner.emplace(pattern.text, i);
        }
    }
    return shadowed;
}

} // namespace snipass::route
