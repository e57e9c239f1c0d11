// SPDX-License-Identifier: BSL-1.0
// PROXY protocol version 2: binary (section 2.2).
#include "versions.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace snipass::proxy_protocol {
namespace {

reading broken(const std::string& rule) {
    return refused{"PROXY v2: " + rule};
}

std::size_t read_u16(byte_view bytes) {
    return static_cast<std::size_t>(bytes[0]) << 8 | bytes[1];
}

std::string in_hexadecimal(std::uint8_t byte) {
    constexpr std::string_view digits = "0123456789abcdef";
    return {'0', 'x', digits[byte >> 4], digits[byte & 0xf]};
}

ip_address read_address(byte_view bytes, bool v4) {
    if (v4) {
        std::array<std::uint8_t, 4> four{};
        std::ranges::copy(bytes.first(four.size()), four.begin());
        return ip_address::v4(four);
    }
    ip_address::bytes_type sixteen{};
    std::ranges::copy(bytes.first(sixteen.size()), sixteen.begin());
    return ip_address{sixteen};
}

// What is wrong with the TLVs, or nothing: none may lie about its length.
std::string problem_in(byte_view tlvs) {
    while (!tlvs.empty()) {
        if (tlvs.size() < tlv_head_size)
            return std::to_string(tlvs.size()) + " bytes behind its last TLV";
        const auto length = read_u16(tlvs.subspan(1));
        const auto left = tlvs.size() - tlv_head_size;
        if (length > left)
            return "a TLV of type " + in_hexadecimal(tlvs[0]) + " announces " + std::to_string(length) +
                   " bytes where " + std::to_string(left) + " are left";
        tlvs = tlvs.subspan(tlv_head_size + length);
    }
    return {};
}

reading read_tcp(byte_view block, bool v4, std::size_t size) {
    const std::size_t width = v4 ? 4 : 16;
    const std::size_t ports = 2 * width;
    if (block.size() < ports + 4)
        return broken(std::string{v4 ? "IPv4" : "IPv6"} + " addresses and ports of " +
                      std::to_string(block.size()) + " bytes, not " + std::to_string(ports + 4));
    const auto endpoint = [&](std::size_t which) {
        return ip_endpoint{read_address(block.subspan(which * width), v4),
                           static_cast<std::uint16_t>(read_u16(block.subspan(ports + 2 * which)))};
    };
    const auto tlvs = block.subspan(ports + 4);
    if (const auto problem = problem_in(tlvs); !problem.empty())
        return broken(problem);
    return header{size, addresses{endpoint(0), endpoint(1)}, tlv_list{tlvs}};
}

} // namespace

reading read_v2(byte_view bytes) {
    if (bytes.size() < v2_fixed_size)
        return partial{v2_fixed_size};
    const unsigned version = bytes[12] >> 4;
    const unsigned command = bytes[12] & 0xf;
    const unsigned family = bytes[13] >> 4;
    const unsigned transport = bytes[13] & 0xf;
    const auto length = read_u16(bytes.subspan(14));
    if (version != v2_version)
        return broken("its version is " + std::to_string(version));
    if (command != command::local && command != command::proxy)
        return broken("its command is neither LOCAL (0) nor PROXY (1): " + std::to_string(command));
    const bool is_local = command == command::local; // family and addresses are to be ignored then
    if (!is_local && family > address_family::last)
        return broken("its address family is none of 0 to 3: " + std::to_string(family));
    if (!is_local && transport > transport::last)
        return broken("its transport protocol is none of 0 to 2: " + std::to_string(transport));
    if (length > v2_max_length)
        return broken("it announces " + std::to_string(length) + " bytes behind its first 16; at most " +
                      std::to_string(v2_max_length) + " are read");

    const auto size = v2_fixed_size + length;
    if (bytes.size() < size)
        return partial{size};
    const bool is_ip = family == address_family::inet || family == address_family::inet6;
    // UNSPEC; and UDP and UNIX, for which a receiver "automatically falls back to the UNSPEC mode".
    if (is_local || !is_ip || transport != transport::stream)
        return header{.size = size};
    return read_tcp(bytes.subspan(v2_fixed_size, length), family == address_family::inet, size);
}

} // namespace snipass::proxy_protocol
