// SPDX-License-Identifier: BSL-1.0
// The words for bytes: what the network gave us is a byte_view, never a char pointer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace snipass {

using byte_view = std::span<const std::uint8_t>;

// as_text reads bytes as characters; no copy, no validation.
[[nodiscard]] inline std::string_view as_text(byte_view bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// as_bytes is the way back.
[[nodiscard]] inline byte_view as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

} // namespace snipass
