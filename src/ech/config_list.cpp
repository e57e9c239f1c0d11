// SPDX-License-Identifier: BSL-1.0
// ECHConfigList, field by field in the order of RFC 9849 section 4.
#include "snipass/ech/config_list.hpp"

#include "snipass/tls/byte_reader.hpp"

#include <initializer_list>

namespace snipass::ech {
namespace {

constexpr std::uint16_t known_version = 0xfe0d;

std::vector<std::uint8_t> copy(byte_view bytes) {
    return {bytes.begin(), bytes.end()};
}

bool parse_suites(tls::byte_reader list, std::vector<cipher_suite>& suites) {
    if (list.empty() || list.rest().size() % 4 != 0)
        return false;
    while (const auto kdf = list.u16())
        suites.push_back({*kdf, *list.u16()});
    return true;
}

bool parse_contents(tls::byte_reader in, config& made) {
    const auto id = in.u8();
    const auto kem = in.u16();
    const auto public_key = in.prefixed_u16();
    const auto suites = in.prefixed_u16();
    const auto maximum_name_length = in.u8();
    const auto public_name = in.prefixed_u8();
    const auto extensions = in.prefixed_u16();
    if (!id || !kem || !public_key || public_key->empty() || !suites || !maximum_name_length ||
        !public_name || public_name->empty() || !extensions || !in.empty())
        return false;
    made.id = *id;
    made.kem = *kem;
    made.public_key = copy(public_key->rest());
    made.maximum_name_length = *maximum_name_length;
    made.public_name = as_text(public_name->rest());
    return parse_suites(*suites, made.suites);
}

void put(std::vector<std::uint8_t>& to, std::size_t number, unsigned bytes) {
    while (bytes-- > 0)
        to.push_back(static_cast<std::uint8_t>(number >> 8 * bytes));
}

void put_prefixed(std::vector<std::uint8_t>& to, byte_view bytes, unsigned length_bytes) {
    put(to, bytes.size(), length_bytes);
    to.insert(to.end(), bytes.begin(), bytes.end());
}

} // namespace

std::optional<std::vector<config>> parse_config_list(byte_view list) {
    tls::byte_reader in{list};
    auto all = in.prefixed_u16();
    if (!all || all->empty() || !in.empty())
        return std::nullopt;
    std::vector<config> made;
    while (!all->empty()) {
        const auto before = all->rest();
        const auto version = all->u16();
        const auto contents = version ? all->prefixed_u16() : std::nullopt;
        if (!contents)
            return std::nullopt;
        if (*version != known_version)
            continue;
        config one;
        if (!parse_contents(*contents, one))
            return std::nullopt;
        one.whole = copy(before.first(before.size() - all->rest().size()));
        made.push_back(std::move(one));
    }
    return made;
}

std::vector<std::uint8_t> write_config_list(std::uint8_t id, byte_view public_key,
                                            std::string_view public_name) {
    std::vector<std::uint8_t> suites;
    for (const auto aead : {aead_aes_128_gcm, aead_aes_256_gcm, aead_chacha20_poly1305}) {
        put(suites, kdf_hkdf_sha256, 2);
        put(suites, aead, 2);
    }
    std::vector<std::uint8_t> contents;
    put(contents, id, 1);
    put(contents, kem_x25519, 2);
    put_prefixed(contents, public_key, 2);
    put_prefixed(contents, suites, 2);
    put(contents, 0, 1); // maximum_name_length: clients pad as section 6.1.3 has it
    put_prefixed(contents, as_bytes(public_name), 1);
    put(contents, 0, 2); // no extensions
    std::vector<std::uint8_t> one;
    put(one, known_version, 2);
    put_prefixed(one, contents, 2);
    std::vector<std::uint8_t> list;
    put_prefixed(list, one, 2);
    return list;
}

} // namespace snipass::ech
