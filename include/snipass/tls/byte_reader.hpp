// SPDX-License-Identifier: BSL-1.0
// byte_reader: the one place of the parser that moves through a stranger's bytes.
#pragma once

#include "snipass/base/bytes.hpp"

#include <optional>

namespace snipass::tls {

// byte_reader reads big-endian fields off the front of a view. A read that asks for more than is there gives
// nullopt and leaves the reader as it was. A length prefix gives a reader of its own for what it covers, so
// an inner length cannot reach outside its parent; that the inner reader is empty() in the end is for the
// caller to check.
class byte_reader {
  public:
    explicit byte_reader(byte_view bytes) noexcept : rest_(bytes) {}

    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
    [[nodiscard]] byte_view rest() const noexcept { return rest_; }

    [[nodiscard]] std::optional<byte_view> take(std::size_t size) noexcept {
        if (!has(size))
            return std::nullopt;
        return advance(size);
    }

    [[nodiscard]] std::optional<std::uint8_t> u8() noexcept {
        if (!has(1))
            return std::nullopt;
        return advance(1)[0];
    }
    [[nodiscard]] std::optional<std::uint16_t> u16() noexcept {
        if (!has(2))
            return std::nullopt;
        const auto bytes = advance(2);
        return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
    }
    [[nodiscard]] std::optional<std::uint32_t> u24() noexcept {
        if (!has(3))
            return std::nullopt;
        const auto bytes = advance(3);
        return std::uint32_t{bytes[0]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[2];
    }

    [[nodiscard]] std::optional<byte_reader> prefixed_u8() noexcept {
        if (!has(1))
            return std::nullopt;
        return behind_prefix(1, rest_[0]);
    }
    [[nodiscard]] std::optional<byte_reader> prefixed_u16() noexcept {
        if (!has(2))
            return std::nullopt;
        return behind_prefix(2, static_cast<std::size_t>(rest_[0]) << 8 | rest_[1]);
    }

  private:
    [[nodiscard]] bool has(std::size_t size) const noexcept { return size <= rest_.size(); }

    // advance is the only function that does: the bytes are there.
    byte_view advance(std::size_t size) noexcept {
        const auto passed = rest_.first(size);
        rest_ = rest_.subspan(size);
        return passed;
    }

    std::optional<byte_reader> behind_prefix(std::size_t prefix, std::size_t size) noexcept {
        if (!has(prefix + size))
            return std::nullopt;
        return byte_reader{advance(prefix + size).subspan(prefix)};
    }

    byte_view rest_;
};

} // namespace snipass::tls
