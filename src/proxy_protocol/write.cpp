// SPDX-License-Identifier: BSL-1.0
// PROXY protocol headers as bytes.
#include "snipass/proxy_protocol/write.hpp"

#include <cstddef>

namespace snipass::proxy_protocol {
namespace {

constexpr std::size_t length_offset = 14;

void put(written& to, byte_view bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

void put_u16(written& to, std::size_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8));
    to.push_back(static_cast<std::uint8_t>(value));
}

void put_halves(written& to, unsigned high, unsigned low) {
    to.push_back(static_cast<std::uint8_t>(high << 4 | low));
}

void put_tlv(written& to, std::uint8_t type, byte_view value) {
    if (value.empty())
        return;
    to.push_back(type);
    put_u16(to, value.size());
    put(to, value);
}

// put_ssl: its length is known once the two inside are there.
void put_ssl(written& to, const tls_facts& tls) {
    to.push_back(tlv_type::ssl);
    const auto length_at = to.size();
    put_u16(to, 0);
    const auto begin = to.size();
    to.push_back(tls.client_name ? ssl_client_over_tls | ssl_client_certificate : ssl_client_over_tls);
    put_u16(to, 0); // "verify" has four bytes
    put_u16(to, tls.client_name ? 0 : ssl_not_verified);
    put_tlv(to, tlv_type::ssl_version, as_bytes(tls.version.substr(0, longest_tls_word)));
    if (tls.client_name && tls.client_name->size() <= longest_common_name)
        put_tlv(to, tlv_type::ssl_common_name, as_bytes(*tls.client_name));
    put_tlv(to, tlv_type::ssl_cipher, as_bytes(tls.cipher.substr(0, longest_tls_word)));
    const auto length = to.size() - begin;
    to[length_at] = static_cast<std::uint8_t>(length >> 8);
    to[length_at + 1] = static_cast<std::uint8_t>(length);
}

// One family for both addresses: an IPv4 address beside an IPv6 one is written in its mapped form.
bool is_v4(const facts& facts) {
    return facts.source.address.is_v4() && facts.destination.address.is_v4();
}

} // namespace

written write_v2(const facts& facts) {
    const bool v4 = is_v4(facts);
    written header;
    put(header, v2_signature);
    put_halves(header, v2_version, command::proxy);
    put_halves(header, v4 ? address_family::inet : address_family::inet6, transport::stream);
    put_u16(header, 0); // the length, below
    for (const auto* one : {&facts.source.address, &facts.destination.address}) {
        if (v4)
            put(header, one->v4_bytes());
        else
            put(header, one->bytes());
    }
    put_u16(header, facts.source.port);
    put_u16(header, facts.destination.port);
    put_tlv(header, tlv_type::alpn, as_bytes(facts.alpn));
    put_tlv(header, tlv_type::authority, as_bytes(facts.authority));
    put_tlv(header, tlv_type::unique_id, facts.id);
    if (facts.tls)
        put_ssl(header, *facts.tls);
    if (facts.plaintext) {
        const auto kind = static_cast<std::uint8_t>(*facts.plaintext);
        put_tlv(header, tlv_type::plaintext, {&kind, 1});
    }
    if (tlv_head_size + facts.farewell.size() <= header.capacity() - header.size())
        put_tlv(header, tlv_type::farewell, as_bytes(facts.farewell));
    const auto length = header.size() - v2_fixed_size;
    header[length_offset] = static_cast<std::uint8_t>(length >> 8);
    header[length_offset + 1] = static_cast<std::uint8_t>(length);
    return header;
}

written write_v1(const facts& facts) {
    const bool v4 = is_v4(facts);
    const auto text = [v4](const ip_address& address) {
        return !v4 && address.is_v4() ? "::ffff:" + address.to_string() : address.to_string();
    };
    const std::string line = (v4 ? "TCP4 " : "TCP6 ") + text(facts.source.address) + ' ' +
                             text(facts.destination.address) + ' ' + std::to_string(facts.source.port) + ' ' +
                             std::to_string(facts.destination.port) + "\r\n";
    written header;
    put(header, as_bytes(v1_signature));
    put(header, as_bytes(line));
    return header;
}

written write_unknown_v1() {
    written header;
    put(header, as_bytes(v1_signature));
    put(header, as_bytes("UNKNOWN\r\n"));
    return header;
}

written write_local_v2() {
    written header;
    put(header, v2_signature);
    put_halves(header, v2_version, command::local);
    put_halves(header, address_family::unspec, transport::unspec);
    put_u16(header, 0);
    return header;
}

} // namespace snipass::proxy_protocol
