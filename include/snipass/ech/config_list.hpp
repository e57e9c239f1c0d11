// SPDX-License-Identifier: BSL-1.0
// ECHConfigList (RFC 9849 section 4): what a server publishes so that clients can encrypt their hellos. Bytes
// only; values own what they have.
#pragma once

#include "snipass/base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::ech {

// The numbers of HPKE (RFC 9180 section 7).
inline constexpr std::uint16_t kem_x25519 = 0x0020;
inline constexpr std::uint16_t kdf_hkdf_sha256 = 0x0001;
inline constexpr std::uint16_t aead_aes_128_gcm = 0x0001;
inline constexpr std::uint16_t aead_aes_256_gcm = 0x0002;
inline constexpr std::uint16_t aead_chacha20_poly1305 = 0x0003;

struct cipher_suite {
    std::uint16_t kdf = 0;
    std::uint16_t aead = 0;

    bool operator==(const cipher_suite&) const = default;
};

// is_supported: one that snipass-ech opens hellos of.
[[nodiscard]] constexpr bool is_supported(const cipher_suite& one) noexcept {
    return one.kdf == kdf_hkdf_sha256 && one.aead >= aead_aes_128_gcm && one.aead <= aead_chacha20_poly1305;
}

// config is one ECHConfig.
struct config {
    std::uint8_t id = 0;
    std::uint16_t kem = 0;
    std::vector<std::uint8_t> public_key;
    std::vector<cipher_suite> suites;
    std::uint8_t maximum_name_length = 0;
    std::string public_name;         // as it stands there
    std::vector<std::uint8_t> whole; // version and length included: what HPKE's info is made of
};

// parse_config_list gives the configs of the version that is known (0xfe0d); others are left out, as section
// 4 has it. nullopt: a length lies, or a field is empty that must not be.
[[nodiscard]] std::optional<std::vector<config>> parse_config_list(byte_view list);

// write_config_list makes a list with one config for DHKEM(X25519, HKDF-SHA256) and all suites that are
// supported. The name has 1 to 255 bytes.
[[nodiscard]] std::vector<std::uint8_t> write_config_list(std::uint8_t id, byte_view public_key,
                                                          std::string_view public_name);

} // namespace snipass::ech
