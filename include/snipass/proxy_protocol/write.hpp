// SPDX-License-Identifier: BSL-1.0
// write: PROXY protocol headers as bytes.
#pragma once

#include "snipass/proxy_protocol/header.hpp"

#include <boost/container/static_vector.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace snipass::proxy_protocol {

// tls_facts is of a client whose TLS has ended here. Version and cipher are no longer than longest_tls_word.
struct tls_facts {
    std::string_view version; // "TLSv1.3"
    std::string_view cipher;  // "TLS_AES_128_GCM_SHA256"
    // The common name of the certificate that it has shown, and that is good; "": it has none, or one longer
    // than longest_common_name, which is not cut: it would be somebody else's.
    std::optional<std::string_view> client_name{};
};
inline constexpr std::size_t longest_tls_word = 64;
inline constexpr std::size_t longest_common_name = 256; // 64 letters (X.520), of four bytes at most

// plaintext_socket is what kind of socket carries what such a client says in clear.
enum class plaintext_socket : std::uint8_t {
    kernel_tls = 1,
    socket_pair = 2, // one end of it; the addresses are the header's
};

// facts is what a header tells of one client.
struct facts {
    ip_endpoint source;
    ip_endpoint destination;
    std::string authority; // the host name; empty: not sent
    std::string_view alpn; // the first protocol offered, or the one that was chosen here; empty: not sent
    unique_id id{};
    std::optional<tls_facts> tls{};
    std::optional<plaintext_socket> plaintext{};
    std::string_view farewell{}; // where a receiver may leave such a client's end; only if there is room for it
};

// Room for the largest header that is written: 16 bytes, IPv6 addresses, five TLVs, of which one has three.
inline constexpr std::size_t largest_ssl =
    5 + 2 * (tlv_head_size + longest_tls_word) + tlv_head_size + longest_common_name;
using written =
    boost::container::static_vector<std::uint8_t, v2_fixed_size + 36 + (tlv_head_size + 255) +
                                                      (tlv_head_size + 255) + (tlv_head_size + 16) +
                                                      (tlv_head_size + largest_ssl) + (tlv_head_size + 1)>;

// write_v2: AF_INET if both addresses are IPv4 (or IPv4-mapped), else AF_INET6; then the TLVs.
[[nodiscard]] written write_v2(const facts& facts);

// write_v1: "PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n". It has no place for a name.
[[nodiscard]] written write_v1(const facts& facts);

// For connections of our own, such as a check: UNKNOWN in version 1, LOCAL in version 2.
[[nodiscard]] written write_unknown_v1();
[[nodiscard]] written write_local_v2();

} // namespace snipass::proxy_protocol
