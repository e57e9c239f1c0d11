// SPDX-License-Identifier: BSL-1.0
// Which version a PROXY protocol header has, if it is one.
#include "snipass/proxy_protocol/read.hpp"

#include "snipass/base/quoted.hpp"
#include "versions.hpp"

#include <algorithm>

namespace snipass::proxy_protocol {
namespace {

bool begins(byte_view bytes, byte_view signature) noexcept {
    const auto size = std::min(bytes.size(), signature.size());
    return std::ranges::equal(bytes.first(size), signature.first(size));
}

// What was read instead: text as text, anything else in hexadecimal.
std::string shown(byte_view bytes) {
    constexpr std::size_t most_shown = 16;
    constexpr std::string_view digits = "0123456789abcdef";
    const auto first = bytes.first(std::min(bytes.size(), most_shown));
    if (std::ranges::all_of(first, [](std::uint8_t byte) { return byte >= 0x20 && byte < 0x7f; }))
        return in_ascii_quotes(as_text(first));
    std::string hexadecimal = "the bytes";
    for (const auto byte : first)
        ((hexadecimal += ' ') += digits[byte >> 4]) += digits[byte & 0xf];
    return hexadecimal;
}

} // namespace

reading read(byte_view bytes) {
    if (bytes.empty())
        return partial{1};
    if (begins(bytes, v2_signature))
        return read_v2(bytes);
    if (begins(bytes, as_bytes(v1_signature)))
        return read_v1(bytes);
    return refused{"no PROXY header: it begins with " + shown(bytes)};
}

bool begins_with_header(byte_view bytes) noexcept {
    const auto v1 = as_bytes(v1_signature);
    return (bytes.size() >= v1.size() && begins(bytes, v1)) ||
           (bytes.size() >= v2_signature.size() && begins(bytes, v2_signature));
}

} // namespace snipass::proxy_protocol
