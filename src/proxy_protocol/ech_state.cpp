// SPDX-License-Identifier: BSL-1.0
// TLV E0 as bytes.
#include "snipass/proxy_protocol/ech_state.hpp"

#include "snipass/proxy_protocol/header.hpp"

#include <cstring>

namespace snipass::proxy_protocol {
namespace {

constexpr std::uint8_t form = 1;
constexpr std::size_t before_key = 11;
constexpr std::size_t length_offset = 14;

void put(std::vector<std::uint8_t>& to, std::size_t number, unsigned size) {
    while (size-- > 0)
        to.push_back(static_cast<std::uint8_t>(number >> 8 * size));
}

void put(std::vector<std::uint8_t>& to, byte_view bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

std::size_t value_size(const ech_state& state) {
    return before_key + state.key.size() + state.nonce.size() + state.inner.size();
}

// put_value: there is room for it already, so that no copy of the key is left behind.
void put_value(std::vector<std::uint8_t>& to, const ech_state& state) {
    put(to, form, 1);
    put(to, state.config_id, 1);
    put(to, state.kdf, 2);
    put(to, state.aead, 2);
    put(to, state.outer_size, 4);
    put(to, state.key.size(), 1);
    put(to, state.key);
    put(to, state.nonce);
    put(to, state.inner);
}

} // namespace

ech_state::~ech_state() {
    ::explicit_bzero(key.data(), key.size());
}

std::vector<std::uint8_t> ech_value(const ech_state& state) {
    std::vector<std::uint8_t> value;
    value.reserve(value_size(state));
    put_value(value, state);
    return value;
}

std::vector<std::uint8_t> with_ech(byte_view header, const ech_state& state) {
    std::vector<std::uint8_t> whole;
    const auto size = header.size() + tlv_head_size + value_size(state);
    if (size > largest_ech_header)
        return whole;
    whole.reserve(size);
    put(whole, header);
    put(whole, tlv_type::ech, 1);
    put(whole, value_size(state), 2);
    put_value(whole, state);
    const auto length = size - v2_fixed_size;
    whole[length_offset] = static_cast<std::uint8_t>(length >> 8);
    whole[length_offset + 1] = static_cast<std::uint8_t>(length);
    return whole;
}

} // namespace snipass::proxy_protocol
