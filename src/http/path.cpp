// SPDX-License-Identifier: BSL-1.0
// Percent-normalisation and the removal of dot segments (RFC 3986 sections 6.2.2 and 5.2.4).
#include "snipass/http/path.hpp"

#include "snipass/base/bytes.hpp"
#include "snipass/http/characters.hpp"
#include "snipass/http/head_error.hpp"

#include <algorithm>
#include <optional>

namespace snipass::http {
namespace {

constexpr unsigned value_of(char digit_) {
    if (digit_ <= '9')
        return static_cast<unsigned>(digit_ - '0');
    return static_cast<unsigned>((digit_ | 0x20) - 'a') + 10;
}

constexpr char capital(char digit_) {
    return digit_ >= 'a' ? static_cast<char>(digit_ - 'a' + 'A') : digit_;
}

// is_normal looks for what the steps below change or refuse.
bool is_normal(std::string_view path) noexcept {
    char before = '\0';
    for (const char c : path) {
        if (!is(c, in_path) || c == '%' || (c == '.' && before == '/'))
            return false;
        before = c;
    }
    return true;
}

void append(std::vector<std::uint8_t>& to, char c) {
    to.push_back(static_cast<std::uint8_t>(c));
}

// append_escaped takes what is behind a '%'.
std::optional<head_error> append_escaped(std::vector<std::uint8_t>& to, std::string_view digits) {
    if (digits.size() != 2 || !all_are(digits, hexadecimal))
        return head_error::path_escape;
    const auto byte = static_cast<std::uint8_t>(value_of(digits[0]) << 4 | value_of(digits[1]));
    if (byte == 0)
        return head_error::path_nul;
    if (byte == '/' || byte == '\\')
        return head_error::path_separator;
    if (is(byte, unreserved)) {
        to.push_back(byte);
        return {};
    }
    append(to, '%');
    append(to, capital(digits[0]));
    append(to, capital(digits[1]));
    return {};
}

std::optional<head_error> resolve_escapes(std::string_view path, std::vector<std::uint8_t>& to) {
    to.clear();
    to.reserve(path.size());
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] == '%') {
            if (const auto broken = append_escaped(to, path.substr(i + 1, 2)))
                return broken;
            i += 2;
            continue;
        }
        if (path[i] == '\\')
            return head_error::path_separator;
        if (!is(path[i], in_path))
            return head_error::path_byte;
        append(to, path[i]);
    }
    return {};
}

// remove_dot_segments works in place: what is written is never longer than what was read.
std::optional<head_error> remove_dot_segments(std::vector<std::uint8_t>& path) {
    const auto whole = as_text(path);
    auto to = path.begin();
    for (std::size_t at = 0; at < whole.size();) {
        const auto next = std::min(whole.find('/', at + 1), whole.size());
        const auto segment = whole.substr(at + 1, next - at - 1);
        const bool goes_up = segment == "..";
        if (goes_up) {
            if (to == path.begin())
                return head_error::path_above_root;
            while (*--to != '/')
                ;
        }
        if (!goes_up && segment != ".")
            to = std::copy_n(path.begin() + static_cast<std::ptrdiff_t>(at), next - at, to);
        else if (next == whole.size()) // the last one: it stands for the folder
            *to++ = '/';
        at = next;
    }
    path.erase(to, path.end());
    return {};
}

} // namespace

result<std::string_view> normalise_path(std::string_view path, std::vector<std::uint8_t>& scratch) {
    if (!path.starts_with('/'))
        return head_error::path_byte;
    if (is_normal(path))
        return path;
    if (const auto broken = resolve_escapes(path, scratch))
        return *broken;
    if (const auto broken = remove_dot_segments(scratch))
        return *broken;
    return as_text(scratch);
}

} // namespace snipass::http
