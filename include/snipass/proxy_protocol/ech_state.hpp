// SPDX-License-Identifier: BSL-1.0
// ech_state: what a receiver needs of a client whose ClientHello was opened here, and TLV E0 of
// docs/handoff.md.
#pragma once

#include "snipass/base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace snipass::proxy_protocol {

// It has the key of one connection, which opens the hello behind a HelloRetryRequest and nothing else. The
// key is wiped with it.
struct ech_state {
    static constexpr std::size_t nonce_size = 12;

    std::uint8_t config_id = 0;
    std::uint16_t kdf = 0;
    std::uint16_t aead = 0;
    std::uint32_t outer_size = 0; // bytes of the socket that the outer hello takes, record headers included
    std::vector<std::uint8_t> key;
    std::array<std::uint8_t, nonce_size> nonce{}; // the base nonce
    std::vector<std::uint8_t> inner;              // a whole handshake message

    ech_state() = default;
    ~ech_state();
    ech_state(const ech_state&) = delete;
    ech_state& operator=(const ech_state&) = delete;
};

// What a header that has one may take, all included.
inline constexpr std::size_t largest_ech_header = 16'384;

// ech_value is the TLV's value. It has the key: whoever has it wipes it.
[[nodiscard]] std::vector<std::uint8_t> ech_value(const ech_state& state);

// with_ech adds the TLV to a header of version 2. Empty: the two are more than a receiver takes, which only
// an inner hello of about 16 KiB can be. It has the key: whoever has it wipes it.
[[nodiscard]] std::vector<std::uint8_t> with_ech(byte_view header, const ech_state& state);

} // namespace snipass::proxy_protocol
