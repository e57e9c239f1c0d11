// SPDX-License-Identifier: BSL-1.0
// u16_set: a set of 16-bit numbers (extension types, groups) that a stranger chose, at a cost that they
// cannot choose.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

namespace snipass::tls {

// u16_set answers in constant time, and clears what it uses, not the 8 KiB of a plain bit set: a word of bits
// is cleared when it is first written, which `touched_` remembers. The first word holds most of what clients
// send. 65,536 extensions or key shares in one hello cost linear work, where a search among those before
// would be quadratic.
class u16_set {
  public:
    u16_set() noexcept { words_[0] = 0; } // NOLINT: the others stay uninitialised on purpose

    [[nodiscard]] bool contains(std::uint16_t number) const noexcept {
        return is_touched(number) && (words_[number / 64] & bit_of(number)) != 0;
    }

    // insert tells whether the number is new, erase whether it was there.
    bool insert(std::uint16_t number) noexcept {
        auto& word = word_of(number);
        const bool is_new = (word & bit_of(number)) == 0;
        word |= bit_of(number);
        return is_new;
    }
    bool erase(std::uint16_t number) noexcept {
        auto& word = word_of(number);
        const bool was_there = (word & bit_of(number)) != 0;
        word &= ~bit_of(number);
        return was_there;
    }

  private:
    static std::uint64_t bit_of(unsigned number) noexcept { return std::uint64_t{1} << number % 64; }

    [[nodiscard]] bool is_touched(std::uint16_t number) const noexcept {
        return number < 64 || (is_large_ && (touched_[number / 4096] & bit_of(number / 64U)) != 0);
    }

    std::uint64_t& word_of(std::uint16_t number) noexcept {
        auto& word = words_[number / 64];
        if (!is_touched(number)) {
            if (!std::exchange(is_large_, true))
                touched_.fill(0);
            touched_[number / 4096] |= bit_of(number / 64U);
            word = 0;
        }
        return word;
    }

    bool is_large_ = false;                 // it has, or had, a number of 64 or more
    std::array<std::uint64_t, 16> touched_; // then: a bit for each word
    std::array<std::uint64_t, 1024> words_;
};

} // namespace snipass::tls
