// SPDX-License-Identifier: BSL-1.0
// Hellos as a client with ECH sends them, sealed with an AEAD that is a toy: what matters to whoever takes
// them apart is which key, nonce and bytes it is asked about.
#pragma once

#include "hello_builder.hpp"
#include "snipass/handoff/ech_filter.h"
#include "snipass/handoff/ech_hello.h"
#include "snipass/tls/constants.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace snipass::testing {

inline constexpr std::uint8_t ech_config_id = 0x5e;
inline constexpr std::size_t ech_tag_size = 16;
using ech_nonce = std::array<std::uint8_t, 12>;

inline const bytes ech_key(16, 0x6b);
inline constexpr ech_nonce ech_base_nonce{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

// toy_tag depends on everything that a real one depends on.
inline std::array<std::uint8_t, ech_tag_size> toy_tag(std::initializer_list<byte_view> parts) {
    std::array<std::uint8_t, ech_tag_size> tag{};
    std::uint64_t state = 14'695'981'039'346'656'037U; // FNV-1a
    for (const auto part : parts)
        for (std::size_t i = 0; i <= part.size(); ++i)
            state = (state ^ (i < part.size() ? part[i] : 256U)) * 1'099'511'628'211U;
    for (std::size_t i = 0; i < tag.size(); ++i, state = state * 6'364'136'223'846'793'005U + 1)
        tag[i] = static_cast<std::uint8_t>(state >> 56);
    return tag;
}

inline int toy_open(std::uint16_t aead, const unsigned char* key, const unsigned char* nonce,
                    const unsigned char* aad, std::size_t aad_size, const unsigned char* in,
                    std::size_t in_size, unsigned char* out) {
    const auto size = in_size - ech_tag_size;
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<unsigned char>(in[i] ^ key[i % 16]);
    const auto key_size = ech_state_key_size(aead);
    const auto tag = toy_tag({{key, key_size}, {nonce, 12}, {aad, aad_size}, {out, size}});
    return std::memcmp(tag.data(), in + size, tag.size()) == 0 ? 1 : 0;
}

inline ech_nonce second_nonce() {
    auto nonce = ech_base_nonce;
    nonce.back() ^= 1;
    return nonce;
}

inline bytes toy_seal(const ech_nonce& nonce, byte_view aad, byte_view encoded) {
    const auto tag = toy_tag({ech_key, nonce, aad, encoded});
    bytes sealed(encoded.begin(), encoded.end());
    for (auto& byte : sealed)
        byte = static_cast<std::uint8_t>(byte ^ ech_key.front());
    sealed.insert(sealed.end(), tag.begin(), tag.end());
    return sealed;
}

// ech_offer is what a client sends behind a HelloRetryRequest.
struct ech_offer {
    hello_builder outer = hello_builder::tls13();
    bytes encoded;
    std::uint8_t config_id = ech_config_id;
    std::uint16_t kdf = 1;
    std::uint16_t aead = ech_state_aes_128_gcm;
    std::size_t enc_size = 0;
    ech_nonce nonce = second_nonce();
    bytes (*seal)(const ech_nonce& nonce, byte_view aad, byte_view encoded) = toy_seal;

    [[nodiscard]] bytes message() const {
        byte_writer body;
        body.u8(0).u16(kdf).u16(aead).u8(config_id);
        body.prefixed_u16([&](byte_writer& out) { out.repeat(enc_size, 0xee); });
        body.prefixed_u16([&](byte_writer& out) { out.repeat(encoded.size() + ech_tag_size, 0); });
        auto hello = outer;
        auto sealed = hello.replace(tls::extension::encrypted_client_hello, body).message();
        ech_hello_outer found{};
        if (ech_hello_find(sealed.data(), sealed.size(), &found) != ech_hello_is_outer)
            return sealed;
        const auto payload = seal(nonce, byte_view{sealed}.subspan(ech_hello_header_size), encoded);
        std::ranges::copy(payload, sealed.begin() + static_cast<std::ptrdiff_t>(found.payload.at));
        return sealed;
    }
};

// encoded_inner is EncodedClientHelloInner of a hello: no handshake header, and padding.
inline bytes encoded_inner(const hello_builder& inner, std::size_t padding = 0) {
    auto message = inner.message();
    message.erase(message.begin(), message.begin() + ech_hello_header_size);
    message.insert(message.end(), padding, 0);
    return message;
}

inline hello_builder inner_hello(std::string_view name = "secret.example") {
    auto hello = hello_builder::tls13();
    return hello.session_id(0).supported_versions({0x0304}).server_name(name).extension(
        tls::extension::encrypted_client_hello, bytes{1});
}

// ech_state_value is the value of TLV E0.
inline bytes ech_state_value(const bytes& inner, std::size_t outer_size) {
    byte_writer value;
    value.u8(1).u8(ech_config_id).u16(1).u16(ech_state_aes_128_gcm);
    value.u16(static_cast<std::uint16_t>(outer_size >> 16)).u16(static_cast<std::uint16_t>(outer_size));
    value.u8(static_cast<std::uint8_t>(ech_key.size()));
    auto whole = value.data();
    whole.insert(whole.end(), ech_key.begin(), ech_key.end());
    whole.insert(whole.end(), ech_base_nonce.begin(), ech_base_nonce.end());
    whole.insert(whole.end(), inner.begin(), inner.end());
    return whole;
}

// server_hello is one as far as it tells whether it is a HelloRetryRequest.
inline bytes server_hello(bool is_retry) {
    static constexpr std::array<std::uint8_t, 32> retry{
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
        0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};
    bytes message{2, 0, 0, 80, 3, 3};
    message.insert(message.end(), retry.begin(), retry.end());
    message.resize(84, 0x44);
    if (!is_retry)
        message[37] ^= 1; // the last byte of the random
    return record(message, 22, 0x0303);
}

} // namespace snipass::testing
