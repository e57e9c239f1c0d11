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

    // take is the only function that advances.
    [[nodiscard]] std::optional<byte_view> take(std::size_t size) noexcept {
        if (size > rest_.size())
            return std::nullopt;
        const auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }

    [[nodiscard]] std::optional<std::uint8_t> u8() noexcept { return number<std::uint8_t, 1>(); }
    [[nodiscard]] std::optional<std::uint16_t> u16() noexcept { return number<std::uint16_t, 2>(); }
    [[nodiscard]] std::optional<std::uint32_t> u24() noexcept { return number<std::uint32_t, 3>(); }

    [[nodiscard]] std::optional<byte_reader> prefixed_u8() noexcept { return prefixed(&byte_reader::u8); }
    [[nodiscard]] std::optional<byte_reader> prefixed_u16() noexcept { return prefixed(&byte_reader::u16); }

  private:
    template <class Number, std::size_t Size>
    std::optional<Number> number() noexcept {
        const auto bytes = take(Size);
        if (!bytes)
            return std::nullopt;
        std::uint32_t value = 0;
        for (const auto byte : *bytes)
            value = value << 8 | byte;
        return static_cast<Number>(value);
    }

    template <class Number>
    std::optional<byte_reader> prefixed(std::optional<Number> (byte_reader::*length)() noexcept) noexcept {
        auto ahead = *this;
        const auto size = (ahead.*length)();
        if (!size)
            return std::nullopt;
        const auto body = ahead.take(*size);
        if (!body)
            return std::nullopt;
        *this = ahead;
        return byte_reader{*body};
    }

    byte_view rest_;
};

} // namespace snipass::tls
