// SPDX-License-Identifier: BSL-1.0
// The numbers of the PROXY protocol, by the names of its specification (HAProxy's doc/proxy-protocol.txt).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace snipass::proxy_protocol {

// Version 1: one line of text (section 2.1). "PROXY" is followed by exactly one space.
inline constexpr std::string_view v1_signature = "PROXY ";
inline constexpr std::size_t v1_max_size = 107; // with its CRLF

// Version 2: signature, version and command, family and protocol, length (section 2.2).
inline constexpr std::array<std::uint8_t, 12> v2_signature{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                           0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
inline constexpr std::size_t v2_fixed_size = 16; // the addresses and the TLVs follow
inline constexpr unsigned v2_version = 2;

// The limit is ours: the longest block behind the fixed part of a version 2 header that is read.
inline constexpr std::size_t v2_max_length = 2'048;

namespace command { // the low half of the byte whose high half is the version
inline constexpr unsigned local = 0;
inline constexpr unsigned proxy = 1;
} // namespace command

namespace address_family { // the high half of the byte behind it
inline constexpr unsigned unspec = 0;
inline constexpr unsigned inet = 1;
inline constexpr unsigned inet6 = 2;
inline constexpr unsigned last = 3; // AF_UNIX
} // namespace address_family

namespace transport { // and its low half
inline constexpr unsigned unspec = 0;
inline constexpr unsigned stream = 1;
inline constexpr unsigned last = 2; // DGRAM
} // namespace transport

inline constexpr std::size_t tlv_head_size = 3; // type, length (2)

namespace tlv_type {
inline constexpr std::uint8_t alpn = 0x01;
inline constexpr std::uint8_t authority = 0x02;
inline constexpr std::uint8_t unique_id = 0x05;
inline constexpr std::uint8_t ssl = 0x20;
inline constexpr std::uint8_t ssl_version = 0x21; // this and the next two within it
inline constexpr std::uint8_t ssl_common_name = 0x22;
inline constexpr std::uint8_t ssl_cipher = 0x23;
inline constexpr std::uint8_t ech = 0xE0; // ours (docs/handoff.md), as are those below
inline constexpr std::uint8_t plaintext = 0xE2;
inline constexpr std::uint8_t farewell = 0xE3;
} // namespace tlv_type

// The flags of `ssl`: the client has shown a certificate in this connection, and in this session. And what
// stands behind them where it has shown none, or one that is not good.
inline constexpr std::uint8_t ssl_client_over_tls = 0x01;
inline constexpr std::uint8_t ssl_client_certificate = 0x02 | 0x04;
inline constexpr std::uint8_t ssl_not_verified = 1;

} // namespace snipass::proxy_protocol
