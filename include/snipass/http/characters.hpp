// SPDX-License-Identifier: BSL-1.0
// What each byte may be in the head of a request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace snipass::http {

// A set of byte classes: one bit each.
enum character : std::uint8_t {
    in_token = 1,    // of a method and of a field's name (RFC 9110 section 5.6.2)
    in_target = 2,   // of a target
    in_value = 4,    // of a field's value (RFC 9110 section 5.5)
    in_path = 8,     // of a path, before it is normalised
    unreserved = 16, // RFC 3986 section 2.3
    in_name = 32,    // of a reg-name (RFC 3986 section 3.2.2), but for escapes
    digit = 64,
    hexadecimal = 128,
};

namespace detail {

constexpr bool is_in(std::string_view set, char c) {
    return set.find(c) != std::string_view::npos;
}

constexpr std::uint8_t classes_of(char c, std::uint8_t byte) {
    constexpr std::string_view sub_delims = "!$&'()*+,;=";
    const bool is_digit = c >= '0' && c <= '9';
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool is_unreserved = is_digit || is_letter || is_in("-._~", c);
    const bool is_path = is_unreserved || is_in(sub_delims, c) || is_in("/:@%", c);
    unsigned is = 0;
    if (is_digit || is_letter || is_in("!#$%&'*+-.^_`|~", c))
        is |= in_token;
    // Browsers send some bytes as they are that RFC 3986 would have escaped: [ ] | in a path, and \ ^ ` { }
    // in a query (URL Standard, sections 1.3 and 4.4). Nobody reads another target for these.
    if (is_path || is_in("[]|", c))
        is |= in_path | in_target;
    if (is_in("?\\^`{}", c))
        is |= in_target;
    if (byte == '\t' || (byte >= 0x20 && byte != 0x7f))
        is |= in_value;
    if (is_unreserved)
        is |= unreserved;
    if (is_unreserved || is_in(sub_delims, c))
        is |= in_name;
    if (is_digit)
        is |= digit;
    if (is_digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
        is |= hexadecimal;
    return static_cast<std::uint8_t>(is);
}

inline constexpr auto classes = [] {
    std::array<std::uint8_t, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i)
        table[i] = classes_of(static_cast<char>(i), static_cast<std::uint8_t>(i));
    return table;
}();

} // namespace detail

// is tells whether the byte is of one of the classes.
[[nodiscard]] constexpr bool is(std::uint8_t byte, unsigned any_of) noexcept {
    return (detail::classes[byte] & any_of) != 0;
}
[[nodiscard]] constexpr bool is(char c, unsigned any_of) noexcept {
    return is(static_cast<std::uint8_t>(c), any_of);
}

// all_are: there is no byte of another class in the text.
[[nodiscard]] constexpr bool all_are(std::string_view text, unsigned any_of) noexcept {
    for (const char c : text)
        if (!is(c, any_of))
            return false;
    return true;
}

// is_same compares as HTTP does where case does not count. Not std::tolower: what that does depends on the
// process's locale.
[[nodiscard]] constexpr bool is_same(std::string_view a, std::string_view b) noexcept {
    constexpr auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (fold(a[i]) != fold(b[i]))
            return false;
    return true;
}

} // namespace snipass::http
