// SPDX-License-Identifier: BSL-1.0
// Which addresses belong to the public internet.
#include "snipass/base/public_address.hpp"

#include <algorithm>
#include <array>

namespace snipass {
namespace {

struct v4_range {
    std::array<std::uint8_t, 4> first;
    unsigned length;
};

// RFC 6890 and its registry.
constexpr v4_range special_v4[] = {
    {{0, 0, 0, 0}, 8},       // this host
    {{10, 0, 0, 0}, 8},      // private
    {{100, 64, 0, 0}, 10},   // shared, behind carriers' NAT
    {{127, 0, 0, 0}, 8},     // loopback
    {{169, 254, 0, 0}, 16},  // link-local
    {{172, 16, 0, 0}, 12},   // private
    {{192, 0, 0, 0}, 24},    // protocol assignments
    {{192, 0, 2, 0}, 24},    // documentation, as are the other two of its kind
    {{192, 88, 99, 0}, 24},  // 6to4 relays
    {{192, 168, 0, 0}, 16},  // private
    {{198, 18, 0, 0}, 15},   // benchmarks
    {{198, 51, 100, 0}, 24}, //
    {{203, 0, 113, 0}, 24},  //
    {{224, 0, 0, 0}, 3},     // multicast, reserved, broadcast
};

bool has_prefix(const ip_address::bytes_type& bytes, std::initializer_list<std::uint8_t> prefix) noexcept {
    return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

ip_address v4_at(const ip_address::bytes_type& bytes, std::size_t at) noexcept {
    return ip_address::v4({bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]});
}

bool is_public_v6(const ip_address::bytes_type& bytes) noexcept {
    const bool global_unicast = (bytes[0] & 0xe0) == 0x20; // 2000::/3: nothing else is given out
    const bool assignments = has_prefix(bytes, {0x20, 0x01}) && bytes[2] < 2; // 2001::/23, Teredo among them
    const bool documentation = has_prefix(bytes, {0x20, 0x01, 0x0d, 0xb8}) ||
                               (has_prefix(bytes, {0x3f, 0xff}) && bytes[2] < 0x10); // RFC 3849, RFC 9637
    return global_unicast && !assignments && !documentation;
}

} // namespace

std::optional<ip_address> carried_v4(const ip_address& address) noexcept {
    const auto& bytes = address.bytes();
    if (address.is_v4())
        return std::nullopt;
    if (has_prefix(bytes, {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) // NAT64 (RFC 6052)
        return v4_at(bytes, 12);
    if (has_prefix(bytes, {0x20, 0x02})) // 6to4 (RFC 3056)
        return v4_at(bytes, 2);
    return std::nullopt;
}

bool is_public(const ip_address& address) noexcept {
    if (const auto inner = carried_v4(address))
        return is_public(*inner);
    if (!address.is_v4())
        return is_public_v6(address.bytes());
    return std::ranges::none_of(special_v4, [&](const v4_range& range) {
        return ip_prefix{ip_address::v4(range.first), range.length}.contains(address);
    });
}

} // namespace snipass
