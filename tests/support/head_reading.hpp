// SPDX-License-Identifier: BSL-1.0
// Reads a request head as a session does, in whatever pieces the stream arrives.
#pragma once

#include "hello_builder.hpp"
#include "snipass/http/request_head.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::testing {

inline constexpr std::size_t default_head_max = 32'768;

// head_reading is where a session stands after the last piece: at most one of `head` and `error` is set; with
// neither, `needed` says how large the stream must become. The head's views point into the stream, or into
// `scratch`.
struct head_reading {
    std::optional<http::request_head> head;
    error_code error;
    bytes scratch;
    std::size_t needed = 0;     // as advance() answered last
    std::size_t examined = 0;   // bytes looked at
    std::size_t calls = 0;      // of advance()
    std::size_t offered = 0;    // bytes given to it in all calls, which is what a socket's peeks copy
    std::string broken_promise; // what advance() promised and did not keep; empty: nothing

    head_reading() = default;
    head_reading(head_reading&&) = default;
    head_reading& operator=(head_reading&&) = default;

    [[nodiscard]] bool waits() const { return !head && !error; }
    // in_words is the whole answer: two that are the same are said alike.
    [[nodiscard]] std::string in_words() const;
};

// read_head lets the stream arrive in pieces that end at each of `ends` and at its own end; it asks after
// each piece.
[[nodiscard]] head_reading read_head(byte_view stream, const std::vector<std::size_t>& ends = {},
                                     std::size_t head_max = default_head_max);
[[nodiscard]] head_reading read_head(std::string_view stream, const std::vector<std::size_t>& ends = {},
                                     std::size_t head_max = default_head_max);

// read_head_as_needed lets the stream arrive as slowly as advance() allows.
[[nodiscard]] head_reading read_head_as_needed(byte_view stream, std::size_t head_max = default_head_max);

// differing_head_split looks for a way to cut the stream in two, or into bytes, that is answered otherwise
// than the whole, and for a truncation of a good head that is not waited for. Empty: there is none; else what
// it found, in words.
[[nodiscard]] std::string differing_head_split(byte_view stream);

} // namespace snipass::testing
