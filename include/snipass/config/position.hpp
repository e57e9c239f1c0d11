// SPDX-License-Identifier: BSL-1.0
// position: where something stands in the file.
#pragma once

#include <compare>
#include <cstdint>
#include <tuple>

namespace snipass::config {

// 1-based. file: 0 is the file itself, and others are those that it includes, in the order of their names.
struct position {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::uint32_t file = 0;

    bool operator==(const position&) const = default;
    friend std::strong_ordering operator<=>(const position& a, const position& b) noexcept {
        return std::tie(a.file, a.line, a.column) <=> std::tie(b.file, b.line, b.column);
    }
};

} // namespace snipass::config
