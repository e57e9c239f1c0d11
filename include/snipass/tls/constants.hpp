// SPDX-License-Identifier: BSL-1.0
// The numbers of TLS that the parser knows, each with where it comes from.
#pragma once

#include <cstddef>
#include <cstdint>

namespace snipass::tls {

// Record layer: RFC 8446 section 5.1.
inline constexpr std::size_t record_header_size = 5;     // type, legacy version (2), length (2)
inline constexpr std::size_t max_record_size = 1U << 14; // of the fragment behind the header
inline constexpr std::uint8_t record_version_major =
    3; // SSL 3.0 up to TLS 1.3; the minor part is free (appendix D)

namespace content_type {
inline constexpr std::uint8_t change_cipher_spec = 20;
inline constexpr std::uint8_t alert = 21;
inline constexpr std::uint8_t handshake = 22;
inline constexpr std::uint8_t application_data = 23;
} // namespace content_type

// Handshake layer: RFC 8446 section 4.
inline constexpr std::size_t handshake_header_size = 4; // type, length (3)
inline constexpr std::uint8_t handshake_client_hello = 1;

// ClientHello: RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2.
inline constexpr std::size_t random_size = 32;
inline constexpr std::size_t max_session_id_size = 32;
inline constexpr std::uint8_t null_compression = 0;
// Version, random, an empty session ID, one cipher suite, one compression method, no extensions block.
inline constexpr std::size_t min_client_hello_size = 2 + random_size + 1 + 2 + 2 + 1 + 1;

namespace version {
inline constexpr std::uint16_t ssl30 = 0x0300;
inline constexpr std::uint16_t tls10 = 0x0301; // RFC 2246
inline constexpr std::uint16_t tls11 = 0x0302; // RFC 4346
inline constexpr std::uint16_t tls12 = 0x0303; // RFC 5246
inline constexpr std::uint16_t tls13 = 0x0304; // RFC 8446
} // namespace version

// The extensions whose bodies are checked (IANA: TLS ExtensionType Values).
namespace extension {
inline constexpr std::uint16_t server_name = 0;                   // RFC 6066 section 3
inline constexpr std::uint16_t max_fragment_length = 1;           // RFC 6066 section 4
inline constexpr std::uint16_t status_request = 5;                // RFC 6066 section 8
inline constexpr std::uint16_t supported_groups = 10;             // RFC 8446 section 4.2.7
inline constexpr std::uint16_t ec_point_formats = 11;             // RFC 8422 section 5.1.2
inline constexpr std::uint16_t signature_algorithms = 13;         // RFC 8446 section 4.2.3
inline constexpr std::uint16_t use_srtp = 14;                     // RFC 5764 section 4.1
inline constexpr std::uint16_t alpn = 16;                         // RFC 7301 section 3.1
inline constexpr std::uint16_t signed_certificate_timestamp = 18; // RFC 6962 section 3.3.1
inline constexpr std::uint16_t encrypt_then_mac = 22;             // RFC 7366 section 2
inline constexpr std::uint16_t extended_master_secret = 23;       // RFC 7627 section 5.1
inline constexpr std::uint16_t compress_certificate = 27;         // RFC 8879 section 3
inline constexpr std::uint16_t record_size_limit = 28;            // RFC 8449 section 4
inline constexpr std::uint16_t pre_shared_key = 41;               // RFC 8446 section 4.2.11
inline constexpr std::uint16_t early_data = 42;                   // RFC 8446 section 4.2.10
inline constexpr std::uint16_t supported_versions = 43;           // RFC 8446 section 4.2.1
inline constexpr std::uint16_t cookie = 44;                       // RFC 8446 section 4.2.2
inline constexpr std::uint16_t psk_key_exchange_modes = 45;       // RFC 8446 section 4.2.9
inline constexpr std::uint16_t certificate_authorities = 47;      // RFC 8446 section 4.2.4
inline constexpr std::uint16_t post_handshake_auth = 49;          // RFC 8446 section 4.2.6
inline constexpr std::uint16_t signature_algorithms_cert = 50;    // RFC 8446 section 4.2.3
inline constexpr std::uint16_t key_share = 51;                    // RFC 8446 section 4.2.8
inline constexpr std::uint16_t encrypted_client_hello = 0xfe0d;   // RFC 9849 section 5
inline constexpr std::uint16_t renegotiation_info = 0xff01;       // RFC 5746 section 3.2
} // namespace extension

// Server names: RFC 6066 section 3. A DNS name has at most 255 bytes on the wire (RFC 1035 section 2.3.4),
// and TLS stacks refuse a longer HostName.
inline constexpr std::uint8_t name_type_host_name = 0;
inline constexpr std::size_t max_server_name_size = 255;

// is_grease: one of the values that clients sprinkle in to keep servers tolerant (RFC 8701 section 2).
[[nodiscard]] constexpr bool is_grease(std::uint16_t value) noexcept {
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

// Alerts: RFC 8446 section 6.
namespace alert {
inline constexpr std::uint8_t unexpected_message = 10;
inline constexpr std::uint8_t record_overflow = 22;
inline constexpr std::uint8_t illegal_parameter = 47;
inline constexpr std::uint8_t decode_error = 50;
inline constexpr std::uint8_t protocol_version = 70;
inline constexpr std::uint8_t internal_error = 80;
inline constexpr std::uint8_t missing_extension = 109;
inline constexpr std::uint8_t unrecognized_name = 112;
} // namespace alert

} // namespace snipass::tls
