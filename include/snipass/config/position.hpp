// SPDX-License-Identifier: BSL-1.0
// position: where something stands in the file.
#pragma once

#include <compare>
#include <cstdint>

namespace snipass::config {

// 1-based.
struct position {
    std::uint32_t line = 0;
    std::uint32_t column = 0;

    auto operator<=>(const position&) const = default; // NOLINT(modernize-use-nullptr): clang-tidy 14
};

} // namespace snipass::config
