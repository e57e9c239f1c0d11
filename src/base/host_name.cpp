// SPDX-License-Identifier: BSL-1.0
// The rules of a host name, checked in one pass over the text.
#include "snipass/base/host_name.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace snipass {
namespace {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// fold is the lower-case form of a character that may stand in a label, and the dot between two; else '\0'.
// Not std::tolower: what it does depends on the process's locale.
constexpr char fold(char c) noexcept {
    if (c >= 'A' && c <= 'Z')
        return static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_' || c == '.')
        return c;
    return '\0';
}

constexpr auto folded = [] {
    std::array<char, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i)
        table[i] = fold(static_cast<char>(i));
    return table;
}();

bool is_label_size(std::ptrdiff_t size) noexcept {
    return size > 0 && size <= static_cast<std::ptrdiff_t>(host_name::max_label_size);
}

} // namespace

std::optional<host_name> host_name::parse(std::string_view text) noexcept {
    std::optional<host_name> made{unset{}};
    if (!made->fill(text))
        made.reset();
    return made;
}

bool host_name::fill(std::string_view text) noexcept {
    if (text.ends_with('.'))
        text.remove_suffix(1);
    if (text.empty() || text.size() > max_size)
        return false;
    size_ = static_cast<std::uint8_t>(text.size());
    char* to = text_.data();
    const char* label = to; // where it begins
    for (const char sent : text) {
        const char c = folded[static_cast<unsigned char>(sent)];
        if (c == '\0' || (c == '.' && !is_label_size(to - label)))
            return false;
        *to++ = c;
        if (c == '.')
            label = to;
    }
    return is_label_size(to - label) && !std::all_of(label, static_cast<const char*>(to), is_digit);
}

} // namespace snipass
