// SPDX-License-Identifier: BSL-1.0
// Columns on a terminal.
#include "snipass/operating/text_table.hpp"

#include <algorithm>
#include <array>

namespace snipass::server {
namespace {

std::string_view code_of(colour one) {
    constexpr std::array<std::string_view, 5> codes{"", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
    return codes[static_cast<std::size_t>(one)];
}

} // namespace

std::string paint(std::string_view text, colour with, bool in_colour) {
    std::string made{text};
    if (!in_colour || with == colour::plain || text.empty())
        return made;
    made.insert(0, code_of(with));
    return made += "\x1b[0m";
}

std::string in_bytes(std::uint64_t bytes) {
    constexpr std::array<const char*, 6> units{" B", " KiB", " MiB", " GiB", " TiB", " PiB"};
    std::size_t unit = 0;
    std::uint64_t tenths = 0;
    for (; bytes >= 1'024 && unit + 1 < units.size(); ++unit) {
        tenths = bytes % 1'024 * 10 / 1'024;
        bytes /= 1'024;
    }
    auto text = std::to_string(bytes);
    if (unit > 0)
        text += "." + std::to_string(tenths);
    return text + units[unit];
}

std::string in_time(std::uint64_t seconds) {
    constexpr std::array<std::pair<std::uint64_t, const char*>, 4> units{
        {{86'400, "d"}, {3'600, "h"}, {60, "m"}, {1, "s"}}};
    const auto* const first =
        std::ranges::find_if(units, [&](const auto& one) { return seconds >= one.first; });
    if (first == units.end())
        return "0s";
    auto text = std::to_string(seconds / first->first) + first->second;
    const auto* const next = first + 1;
    if (next != units.end() && seconds % first->first >= next->first)
        text += " " + std::to_string(seconds % first->first / next->first) + next->second;
    return text;
}

text_table::text_table(std::vector<std::string> heads, bool in_colour)
    : heads_(std::move(heads)), in_colour_(in_colour) {
    for (auto& one : heads_) {
        to_the_right_.push_back(one.starts_with('>'));
        if (to_the_right_.back())
            one.erase(0, 1);
    }
}

std::string text_table::to_string() const {
    std::vector<cell> first;
    std::vector<std::size_t> widths;
    for (const auto& one : heads_) {
        first.emplace_back(one, colour::faint);
        widths.push_back(one.size());
    }
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].text.size());
    std::string made;
    const auto add = [&](const std::vector<cell>& row) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string space(widths[i] - row[i].text.size(), ' ');
            const auto text = paint(row[i].text, row[i].as, in_colour_);
            made += to_the_right_[i] ? space + text : text + space;
            made += "  ";
        }
        made.erase(made.find_last_not_of(' ') + 1);
        made += '\n';
    };
    add(first);
    std::ranges::for_each(rows_, add);
    return made;
}

} // namespace snipass::server
