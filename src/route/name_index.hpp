// SPDX-License-Identifier: BSL-1.0
// name_index: from a name to the rules that have it. Private to route.
//
// A hash table with open addressing: 16 bytes a slot, at most three of four slots in use, the names' bytes
// one behind the other in one arena. A wildcard's key is what a name must end with, dot included
// (".example.com"), so wildcards and exact names share a table and never meet, and one pass over a looked-up
// name from its right end yields the hash of every key it could match.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::route {

// suffix_hash grows from the right: feed it the characters of a name from the last to the first.
class suffix_hash {
  public:
    explicit suffix_hash(std::uint64_t seed) noexcept : state_(seed) {}

    // One folded 128-bit product a character mixes all 64 bits, so every prefix of the walk is a finished
    // hash.
    void push_front(char c) noexcept {
        const auto product = static_cast<wide>(state_ ^ static_cast<unsigned char>(c)) * multiplier;
        state_ = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return state_; }

  private:
    __extension__ using wide = unsigned __int128;
    static constexpr std::uint64_t multiplier = 0x9e3779b97f4a7c15; // 2^64 / golden ratio, odd

    std::uint64_t state_;
};

class name_index {
  public:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    // link is one rule that has a name, and where the next one is.
    struct link {
        std::uint32_t rule = none;
        std::uint32_t next = none;
    };

    // name_count and byte_count are upper bounds of what will be added.
    name_index(std::size_t name_count, std::size_t byte_count);

    // add_front puts `rule` before those that the key has already: add rules from the last to the first, and
    // each chain is in file order without ever being walked.
    void add_front(std::string_view key, std::uint32_t rule);

    [[nodiscard]] suffix_hash hash() const noexcept { return suffix_hash{seed_}; }

    // find returns the first link of the key, whose hash is given, and the key's bytes here; null: nobody has
    // it.
    struct found {
        const link* first = nullptr;
        std::string_view key;
    };
    [[nodiscard]] found find(std::string_view key, std::uint64_t hash) const noexcept;

    [[nodiscard]] const link* next(const link& from) const noexcept {
        return from.next == none ? nullptr : &more_[from.next];
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    struct entry {
        std::uint32_t fragment = 0; // the hash's upper half; the lower one is the position
        std::uint32_t key = none;   // where in arena_; none: the slot is empty
        link first;
    };

    [[nodiscard]] std::size_t position(std::string_view key, std::uint64_t hash) const noexcept;
    [[nodiscard]] std::string_view key_at(std::uint32_t offset) const noexcept;
    std::uint32_t store(std::string_view key);

    std::vector<entry> slots_;
    std::vector<link> more_; // the second and later rules of a name
    std::string arena_;      // a length byte, then the key, again and again
    std::size_t size_ = 0;
    std::uint64_t seed_;
};

} // namespace snipass::route
