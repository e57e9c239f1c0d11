// SPDX-License-Identifier: BSL-1.0
// Text in a query.
#include "snipass/base/percent.hpp"

#include <charconv>

namespace snipass {

void append_encoded(std::string& to, std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              c == '-' || c == '.' || c == '_';
        if (is_plain) {
            to += c;
            continue;
        }
        to += '%';
        to += digits[byte >> 4U];
        to += digits[byte & 0x0fU];
    }
}

std::string decoded(std::string_view text) {
    std::string made;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        const auto digits = text.substr(i + 1, 2);
        const auto* const end = digits.data() + digits.size();
        const bool is_encoded =
            text[i] == '%' && digits.size() == 2 && std::from_chars(digits.data(), end, byte, 16).ptr == end;
        made += is_encoded ? static_cast<char>(byte) : text[i];
        i += is_encoded ? 2 : 0;
    }
    return made;
}

} // namespace snipass
