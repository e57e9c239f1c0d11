// SPDX-License-Identifier: BSL-1.0
// See messages.hpp.
#include "snipass/ech/messages.hpp"

#include "snipass/tls/byte_reader.hpp"

#include <algorithm>

namespace snipass::ech {
namespace {

using tls::byte_reader;

constexpr std::uint8_t says_configs = 'C';
constexpr std::uint8_t says_open = 'O';
constexpr std::uint8_t says_answer = 'A';

void put(std::vector<std::uint8_t>& to, std::uint64_t number, unsigned bytes) {
    while (bytes-- > 0)
        to.push_back(static_cast<std::uint8_t>(number >> 8 * bytes));
}

void put(std::vector<std::uint8_t>& to, byte_view bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

// number of up to eight bytes; nullopt: they are not there.
std::optional<std::uint64_t> take_number(byte_reader& in, std::size_t bytes) {
    const auto taken = in.take(bytes);
    if (!taken)
        return std::nullopt;
    std::uint64_t number = 0;
    for (const auto byte : *taken)
        number = number << 8 | byte;
    return number;
}

bool takes(byte_reader& in, std::uint8_t kind) {
    return in.u8() == kind;
}

} // namespace

bool is_answer(byte_view packet) noexcept {
    return !packet.empty() && packet.front() == says_answer;
}

std::array<std::uint8_t, question_head_size> head_of(const question& one) {
    std::vector<std::uint8_t> head;
    head.reserve(question_head_size);
    put(head, says_open, 1);
    put(head, one.number, 4);
    put(head, one.config_id, 1);
    put(head, one.suite.kdf, 2);
    put(head, one.suite.aead, 2);
    put(head, one.wants_key ? 1 : 0, 1);
    put(head, one.enc.size(), 2);
    put(head, one.ciphertext.size(), 2);
    put(head, one.aad.size(), 2);
    std::array<std::uint8_t, question_head_size> made{};
    std::ranges::copy(head, made.begin());
    return made;
}

std::optional<question> parse_question(byte_view packet) {
    byte_reader in{packet};
    if (!takes(in, says_open))
        return std::nullopt;
    const auto number = take_number(in, 4);
    const auto id = in.u8();
    const auto kdf = in.u16();
    const auto aead = in.u16();
    const auto wants_key = in.u8();
    const auto enc_size = in.u16();
    const auto ciphertext_size = in.u16();
    const auto aad_size = in.u16();
    if (!aad_size)
        return std::nullopt;
    const auto enc = in.take(*enc_size);
    const auto ciphertext = in.take(*ciphertext_size);
    const auto aad = in.take(*aad_size);
    if (!enc || !ciphertext || !aad || !in.empty())
        return std::nullopt;
    return question{
        static_cast<std::uint32_t>(*number), *id, {*kdf, *aead}, *wants_key == 1, *enc, *ciphertext, *aad};
}

void write(std::vector<std::uint8_t>& to, const answer& one) {
    put(to, says_answer, 1);
    put(to, one.number, 4);
    put(to, one.is_open ? 1 : 0, 1);
    put(to, one.key.size(), 1);
    put(to, one.key);
    put(to, one.base_nonce);
    put(to, one.plaintext);
}

std::optional<answer> parse_answer(byte_view packet) {
    byte_reader in{packet};
    if (!takes(in, says_answer))
        return std::nullopt;
    const auto number = take_number(in, 4);
    const auto is_open = in.u8();
    const auto key = in.prefixed_u8();
    const auto nonce = in.take(nonce_size);
    if (!nonce || !key || key->rest().size() > largest_key)
        return std::nullopt;
    answer made{static_cast<std::uint32_t>(*number), *is_open == 1, key->rest(), {}, in.rest()};
    std::ranges::copy(*nonce, made.base_nonce.begin());
    return made;
}

void write(std::vector<std::uint8_t>& to, const std::vector<known_config>& all) {
    put(to, says_configs, 1);
    for (const auto& one : all) {
        put(to, one.id, 1);
        put(to, one.suites.size(), 1);
        for (const auto& suite : one.suites) {
            put(to, suite.kdf, 2);
            put(to, suite.aead, 2);
        }
        put(to, one.openings, 8);
        put(to, one.written, 8);
        put(to, one.public_name.size(), 1);
        put(to, as_bytes(one.public_name));
    }
}

std::optional<std::vector<known_config>> parse_configs(byte_view packet) {
    byte_reader in{packet};
    if (!takes(in, says_configs))
        return std::nullopt;
    std::vector<known_config> all;
    while (!in.empty()) {
        known_config one;
        const auto id = in.u8();
        const auto count = in.u8();
        if (!id || !count)
            return std::nullopt;
        one.id = *id;
        for (std::size_t i = 0; i < *count; ++i) {
            const auto kdf = in.u16();
            const auto aead = in.u16();
            if (!kdf || !aead)
                return std::nullopt;
            one.suites.push_back({*kdf, *aead});
        }
        const auto openings = take_number(in, 8);
        const auto written = take_number(in, 8);
        const auto name = in.prefixed_u8();
        if (!openings || !written || !name)
            return std::nullopt;
        one.openings = *openings;
        one.written = *written;
        one.public_name = as_text(name->rest());
        all.push_back(std::move(one));
    }
    return all;
}

} // namespace snipass::ech
