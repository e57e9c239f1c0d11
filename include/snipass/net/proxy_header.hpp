// SPDX-License-Identifier: BSL-1.0
// The PROXY protocol's headers, versions 1 and 2, as bytes (HAProxy's doc/proxy-protocol.txt).
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/ip_address.hpp"

#include <boost/container/static_vector.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace snipass::net {

// unique_id names one session across machines and restarts: 8 random bytes of this process, 8 of a counter.
using unique_id = std::array<std::uint8_t, 16>;

struct proxy_facts {
    ip_endpoint client;
    ip_endpoint local;     // the address that the client connected to
    std::string host_name; // AUTHORITY; empty: not sent
    std::string_view alpn; // ALPN, the first protocol offered; empty: not sent
    unique_id id{};        // UNIQUE_ID
};

// Room for the largest version 2 header: 16 bytes, IPv6 addresses, three TLVs.
using proxy_header =
    boost::container::static_vector<std::uint8_t, 16 + 36 + (3 + 255) + (3 + 255) + (3 + 16)>;

// make_proxy_v2: AF_INET if both addresses are IPv4 (or IPv4-mapped), else AF_INET6; then the TLVs.
[[nodiscard]] proxy_header make_proxy_v2(const proxy_facts& facts);

// make_proxy_v1: "PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n". It has no place for a name.
[[nodiscard]] proxy_header make_proxy_v1(const proxy_facts& facts);

} // namespace snipass::net
