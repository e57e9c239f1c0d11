// SPDX-License-Identifier: BSL-1.0
// The PROXY protocol's headers as bytes.
#include "snipass/net/proxy_header.hpp"

#include <cstddef>
#include <string>

namespace snipass::net {
namespace {

constexpr std::array<std::uint8_t, 12> signature{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
constexpr std::uint8_t version_2_proxy = 0x21;
constexpr std::uint8_t tcp_over_ipv4 = 0x11;
constexpr std::uint8_t tcp_over_ipv6 = 0x21;

constexpr std::uint8_t type_alpn = 0x01;
constexpr std::uint8_t type_authority = 0x02;
constexpr std::uint8_t type_unique_id = 0x05;

constexpr std::size_t length_offset = 14;
constexpr std::size_t fixed_size = 16;

void put(proxy_header& to, byte_view bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

void put_u16(proxy_header& to, std::size_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8));
    to.push_back(static_cast<std::uint8_t>(value));
}

void put_tlv(proxy_header& to, std::uint8_t type, byte_view value) {
    if (value.empty())
        return;
    to.push_back(type);
    put_u16(to, value.size());
    put(to, value);
}

bool is_v4(const proxy_facts& facts) {
    return facts.client.address.is_v4() && facts.local.address.is_v4();
}

} // namespace

proxy_header make_proxy_v2(const proxy_facts& facts) {
    const bool v4 = is_v4(facts);
    proxy_header header;
    put(header, signature);
    header.push_back(version_2_proxy);
    header.push_back(v4 ? tcp_over_ipv4 : tcp_over_ipv6);
    put_u16(header, 0); // the length, below
    if (v4) {
        put(header, facts.client.address.v4_bytes());
        put(header, facts.local.address.v4_bytes());
    } else {
        put(header, facts.client.address.bytes());
        put(header, facts.local.address.bytes());
    }
    put_u16(header, facts.client.port);
    put_u16(header, facts.local.port);
    put_tlv(header, type_alpn, as_bytes(facts.alpn));
    put_tlv(header, type_authority, as_bytes(facts.host_name));
    put_tlv(header, type_unique_id, facts.id);
    const auto length = header.size() - fixed_size;
    header[length_offset] = static_cast<std::uint8_t>(length >> 8);
    header[length_offset + 1] = static_cast<std::uint8_t>(length);
    return header;
}

proxy_header make_proxy_v1(const proxy_facts& facts) {
    // One family for both addresses: an IPv4 address among IPv6 ones is written in its mapped form.
    const bool v4 = is_v4(facts);
    const auto text = [v4](const ip_address& address) {
        return !v4 && address.is_v4() ? "::ffff:" + address.to_string() : address.to_string();
    };
    const std::string line = std::string{v4 ? "PROXY TCP4 " : "PROXY TCP6 "} + text(facts.client.address) +
                             ' ' + text(facts.local.address) + ' ' + std::to_string(facts.client.port) + ' ' +
                             std::to_string(facts.local.port) + "\r\n";
    proxy_header header;
    put(header, as_bytes(line));
    return header;
}

} // namespace snipass::net
