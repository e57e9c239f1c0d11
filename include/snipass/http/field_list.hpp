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
    explicit field_list(std::string_view lines) noexcept : rest_(lines) {}

    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }

    [[nodiscard]] field front() const noexcept {
        const auto line = rest_.substr(0, rest_.find('\r'));
        const auto colon = line.find(':');
        if (colon == std::string_view::npos)
            return {line, {}};
        auto value = line.substr(colon + 1);
        constexpr std::string_view white = " \t";
        value.remove_prefix(std::min(value.find_first_not_of(white), value.size()));
        value = value.substr(0, value.find_last_not_of(white) + 1);
        return {line.substr(0, colon), value};
    }

    void pop_front() noexcept {
        constexpr std::string_view line_end = "\r\n";
        const auto end = rest_.find(line_end);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + line_end.size());
    }

  private:
    std::string_view rest_;
};

} // namespace snipass::http
