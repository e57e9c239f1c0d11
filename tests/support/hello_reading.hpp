// SPDX-License-Identifier: BSL-1.0
// Reads a hello as a session does, in whatever pieces the stream arrives.
#pragma once

#include "hello_builder.hpp"
#include "snipass/tls/client_hello.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace snipass::testing {

inline constexpr std::size_t default_hello_max = 65'536;

// hello_reading is where a session stands after the last piece: at most one of `hello` and `error` is set;
// with neither, `needed` says how large the stream must become. The hello's views point into `message`.
struct hello_reading {
    std::optional<tls::client_hello> hello;
    error_code error;
    bytes message;
    std::size_t needed = 0;     // as advance() answered last
    std::size_t size = 0;       // of the hello in the stream
    std::size_t examined = 0;   // bytes looked at
    std::size_t calls = 0;      // of advance()
    std::size_t offered = 0;    // bytes given to it in all calls, which is what a socket's peeks copy
    std::string broken_promise; // what advance() promised and did not keep; empty: nothing

    hello_reading() = default;
    hello_reading(hello_reading&&) = default;
    hello_reading& operator=(hello_reading&&) = default;

    [[nodiscard]] bool waits() const { return !hello && !error; }
    [[nodiscard]] std::optional<std::string> name() const;
    // same_as: the same answer; the number of looks and calls may differ.
    [[nodiscard]] bool same_as(const hello_reading& other) const;
};

// read_hello lets the stream arrive in pieces that end at each of `ends` and at its own end; it asks after
// each piece.
[[nodiscard]] hello_reading read_hello(byte_view stream, const std::vector<std::size_t>& ends = {},
                                       std::size_t hello_max = default_hello_max);

// read_as_needed lets the stream arrive as slowly as advance() allows: each piece is what it said it needs,
// or what is left when the stream ends before.
[[nodiscard]] hello_reading read_as_needed(byte_view stream, std::size_t hello_max = default_hello_max);

// every_byte is 1, 2, ... size - 1: the ends of pieces of one byte each.
[[nodiscard]] std::vector<std::size_t> every_byte(std::size_t size);

// differing_split looks for a way to cut the stream in two, or into bytes, that is answered otherwise than
// the whole, and for a truncation that is not answered by waiting. Empty: there is none; else what it found,
// in words. A malformed stream may be refused before its end; `truncation_waits` says that it may not.
[[nodiscard]] std::string differing_split(byte_view stream, bool truncation_waits);

} // namespace snipass::testing
