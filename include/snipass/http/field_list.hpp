// SPDX-License-Identifier: BSL-1.0
// field_list: the field lines of a request head, walked without allocation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace snipass::http {

struct field {
    std::string_view name;  // as sent
    std::string_view value; // without the white space around it
};

// field_list is the lines behind the request line, each with its CRLF. Whoever makes one has validated them
// (head_scanner does); the view does not own them.
class field_list {
  public:
    field_list() = default;
    explicit field_list(std::string_view lines) noexcept : rest_(lines) { measure(); }

    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }

    [[nodiscard]] field front() const noexcept {
        const auto line = rest_.substr(0, line_);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos)
            return {line, {}};
        auto value = line.substr(colon + 1);
        while (!value.empty() && is_white(value.front()))
            value.remove_prefix(1);
        while (!value.empty() && is_white(value.back()))
            value.remove_suffix(1);
        return {line.substr(0, colon), value};
    }

    void pop_front() noexcept {
        constexpr std::string_view line_end = "\r\n";
        rest_.remove_prefix(std::min(line_ + line_end.size(), rest_.size()));
        measure();
    }

  private:
    [[nodiscard]] static bool is_white(char c) noexcept { return c == ' ' || c == '\t'; }
    void measure() noexcept { line_ = std::min(rest_.find('\r'), rest_.size()); }

    std::string_view rest_;
    std::size_t line_ = 0; // of the first line, without its end
};

} // namespace snipass::http
