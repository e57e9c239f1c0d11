// SPDX-License-Identifier: BSL-1.0
// The rules of a host name, checked in one pass over the text.
#include "snipass/base/host_name.hpp"

#include <cstddef>

namespace snipass {
namespace {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// fold is the lower-case form of a character that may stand in a label, else '\0'. Not std::tolower: what it
// does depends on the process's locale.
constexpr char fold(char c) noexcept {
    if (c >= 'A' && c <= 'Z')
        return static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_')
        return c;
    return '\0';
}

} // namespace

std::optional<host_name> host_name::parse(std::string_view text) noexcept {
    if (text.ends_with('.'))
        text.remove_suffix(1);
    if (text.empty() || text.size() > max_size)
        return std::nullopt;

    host_name name;
    name.size_ = static_cast<std::uint8_t>(text.size());
    std::size_t label_size = 0;
    bool all_digits = true; // of the label so far
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '.') {
            if (label_size == 0)
                return std::nullopt;
            name.text_[i] = '.';
            label_size = 0;
            all_digits = true;
            continue;
        }
        const char folded = fold(text[i]);
        if (folded == '\0' || ++label_size > max_label_size)
            return std::nullopt;
        name.text_[i] = folded;
        all_digits = all_digits && is_digit(folded);
    }
    // An empty last label is all digits too: "a..", whose one trailing dot is gone by now.
    if (all_digits)
        return std::nullopt;
    return name;
}

} // namespace snipass
