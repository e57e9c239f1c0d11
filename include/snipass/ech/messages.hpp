// SPDX-License-Identifier: BSL-1.0
// What the router and snipass-ech say to each other, as bytes. Each message is one packet of a unix socket
// (SOCK_SEQPACKET), numbers are big endian. Both ends are of one version: the first byte says what it is, and
// what is not understood ends the connection. docs/ech.md has it byte by byte.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/ech/config_list.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace snipass::ech {

// Of a question: the outer hello, its ciphertext once more, and its head. An answer is smaller.
inline constexpr std::size_t largest_message = 2 * 65'536 + 256;

inline constexpr std::size_t nonce_size = 12;
inline constexpr std::size_t largest_key = 32;

// known_config is what the helper says of each key it has, and nothing of it is secret.
struct known_config {
    std::uint8_t id = 0;
    std::vector<cipher_suite> suites;
    std::uint64_t openings = 0; // hellos that were opened with it since the helper began
    std::uint64_t written = 0;  // when its file was: seconds since 1970
    std::string public_name;
};

// question: what is to be opened. Views; `aad` is ClientHelloOuterAAD.
struct question {
    std::uint32_t number = 0; // which its answer has again
    std::uint8_t config_id = 0;
    cipher_suite suite;
    bool wants_key = false; // also what the second hello will need
    byte_view enc;
    byte_view ciphertext;
    byte_view aad;
};

// answer: `is_open` false: nothing that this key opens. The key is empty where it was not asked for.
struct answer {
    std::uint32_t number = 0;
    bool is_open = false;
    byte_view key;
    std::array<std::uint8_t, nonce_size> base_nonce{};
    byte_view plaintext;
};

// head_of is the packet of a question up to its aad, without enc, ciphertext and aad themselves, which follow
// in that order: they lie in the hello, and are not copied.
inline constexpr std::size_t question_head_size = 1 + 4 + 1 + 4 + 1 + 2 + 2 + 2;
[[nodiscard]] std::array<std::uint8_t, question_head_size> head_of(const question& one);
[[nodiscard]] std::optional<question> parse_question(byte_view packet);

void write(std::vector<std::uint8_t>& to, const answer& one);
[[nodiscard]] std::optional<answer> parse_answer(byte_view packet);

void write(std::vector<std::uint8_t>& to, const std::vector<known_config>& all);
[[nodiscard]] std::optional<std::vector<known_config>> parse_configs(byte_view packet);

// is_answer: else it is a list of configs, or nothing.
[[nodiscard]] bool is_answer(byte_view packet) noexcept;

} // namespace snipass::ech
