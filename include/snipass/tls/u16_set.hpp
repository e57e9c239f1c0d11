// SPDX-License-Identifier: BSL-1.0
// u16_set: a set of 16-bit numbers (extension types, groups) that a stranger chose, at a cost that they
// cannot choose.
#pragma once

#include <array>
#include <cstdint>

namespace snipass::tls {

// u16_set answers in constant time and costs 128 bytes of clearing, not the 8 KiB of a plain bit set: a word
// of bits is cleared when it is first written, which `touched_` remembers. 65,536 extensions or key shares in
// one hello cost linear work, where a search among those before would be quadratic.
class u16_set {
  public:
    u16_set() noexcept {} // NOLINT: words_ stays uninitialised on purpose

    [[nodiscard]] bool contains(std::uint16_t number) const noexcept {
        return is_touched(number) && (words_[number / 64] >> number % 64 & 1) != 0;
    }

    // insert tells whether the number is new.
    bool insert(std::uint16_t number) noexcept {
        if (contains(number))
            return false;
        if (!is_touched(number))
            words_[number / 64] = 0;
        touched_[number / 4096] |= std::uint64_t{1} << number / 64 % 64;
        words_[number / 64] |= std::uint64_t{1} << number % 64;
        return true;
    }

    // erase tells whether the number was there.
    bool erase(std::uint16_t number) noexcept {
        if (!contains(number))
            return false;
        words_[number / 64] &= ~(std::uint64_t{1} << number % 64);
        return true;
    }

  private:
    [[nodiscard]] bool is_touched(std::uint16_t number) const noexcept {
        return (touched_[number / 4096] >> number / 64 % 64 & 1) != 0;
    }

    std::array<std::uint64_t, 16> touched_{}; // a bit for each word
    std::array<std::uint64_t, 1024> words_;
};

} // namespace snipass::tls
