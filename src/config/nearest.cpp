// SPDX-License-Identifier: BSL-1.0
// "did you mean": a small edit distance, and containment for words that were cut short or drawn out.
#include "snipass/config/nearest.hpp"

#include "snipass/config/written.hpp"

#include <algorithm>
#include <numeric>

namespace snipass::config {
namespace {

constexpr std::size_t most_listed = 40; // more than any table has keys
constexpr std::size_t shortest_part = 4;

char fold(char c) {
    if (c >= 'A' && c <= 'Z')
        return static_cast<char>(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

// containing finds a word that is a part of what was written, or the other way: "warning" for "warn".
std::optional<std::string_view> containing(std::string_view written,
                                           const std::vector<std::string_view>& known) {
    for (const auto word : known) {
        const auto& [shorter, longer] =
            std::minmax(word, written, [](auto a, auto b) { return a.size() < b.size(); });
        if (shorter.size() >= shortest_part && longer.find(shorter) != longer.npos)
            return word;
    }
    return std::nullopt;
}

} // namespace

// Optimal string alignment, three rows at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before.swap(last);
        last.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = fold(a[i - 1]) == fold(b[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
            const bool swapped =
                i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]);
            if (swapped)
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row[b.size()];
}

std::optional<std::string_view> nearest(std::string_view written,
                                        const std::vector<std::string_view>& known) {
    std::optional<std::string_view> best;
    std::size_t best_distance = 0;
    for (const auto word : known) {
        const auto longer = std::max(word.size(), written.size());
        const auto shorter = std::min(word.size(), written.size());
        const auto allowed = longer / 3;
        // The difference in length is the least distance: most words need not be compared.
        if (longer - shorter > allowed)
            continue;
        const auto distance = edit_distance(written, word);
        if (distance > allowed || (best && distance >= best_distance))
            continue;
        best = word;
        best_distance = distance;
    }
    return best ? best : containing(written, known);
}

std::string propose(std::string_view written, const std::vector<std::string_view>& known) {
    if (const auto near = nearest(written, known))
        return "write " + in_quotes(*near);
    std::string list = "known here: ";
    for (std::size_t i = 0; i < std::min(known.size(), most_listed); ++i)
        list += (i ? ", " : "") + in_quotes(known[i]);
    if (known.size() > most_listed)
        list += " and " + std::to_string(known.size() - most_listed) + " more";
    return list;
}

} // namespace snipass::config
