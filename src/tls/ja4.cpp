// SPDX-License-Identifier: BSL-1.0
// JA4, section by section of FoxIO's specification. GREASE values (RFC 8701) count nowhere; only an ALPN name
// is taken as it is, as FoxIO's own programs do.
#include "snipass/tls/ja4.hpp"

#include "snipass/tls/byte_reader.hpp"
#include "snipass/tls/constants.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <vector>

namespace snipass::tls {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

std::vector<std::uint16_t> without_grease(byte_view pairs) {
    std::vector<std::uint16_t> numbers;
    for (byte_reader in{pairs}; const auto number = in.u16();)
        if (!is_grease(*number))
            numbers.push_back(*number);
    return numbers;
}

std::vector<std::uint16_t> extension_types(byte_view extensions) {
    std::vector<std::uint16_t> types;
    for (byte_reader in{extensions}; const auto type = in.u16(); (void)in.prefixed_u16())
        if (!is_grease(*type))
            types.push_back(*type);
    return types;
}

std::string hex_list(const std::vector<std::uint16_t>& numbers) {
    std::string list;
    for (const auto number : numbers) {
        if (!list.empty())
            list += ',';
        for (const int shift : {12, 8, 4, 0})
            list += hex_digits[number >> shift & 0xf];
    }
    return list;
}

// truncated_sha256 is the first 12 hexadecimal digits; zeroes for nothing at all.
std::string truncated_sha256(std::string_view text) {
    if (text.empty())
        return "000000000000";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
        return "????????????"; // libcrypto without SHA-256: a fingerprint is not worth a connection
    std::string hex;
    for (const auto byte : std::span{digest}.first(6)) {
        hex += hex_digits[byte >> 4];
        hex += hex_digits[byte & 0xf];
    }
    return hex;
}

std::string_view version_digits(const client_hello& hello) {
    const auto offered = without_grease(hello.supported_versions);
    switch (offered.empty() ? hello.legacy_version : std::ranges::max(offered)) {
    case version::tls13:
        return "13";
    case version::tls12:
        return "12";
    case version::tls11:
        return "11";
    case version::tls10:
        return "10";
    default: // SSL 3.0 ("s3") is no hello that parse_client_hello accepts
        return "00";
    }
}

std::string two_digits(std::size_t count) {
    const auto shown = std::min<std::size_t>(count, 99);
    return {static_cast<char>('0' + shown / 10), static_cast<char>('0' + shown % 10)};
}

bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// The first and last character of the first protocol; of its hexadecimal form where one of them is not
// alphanumeric.
std::string alpn_characters(const alpn_list& alpn) {
    if (alpn.empty())
        return "00";
    const auto protocol = alpn.front();
    const char first = protocol.front();
    const char last = protocol.back();
    if (is_alphanumeric(first) && is_alphanumeric(last))
        return {first, last};
    return {hex_digits[static_cast<unsigned char>(first) >> 4],
            hex_digits[static_cast<unsigned char>(last) & 0xf]};
}

} // namespace

std::string ja4(const client_hello& hello) {
    auto cipher_suites = without_grease(hello.cipher_suites);
    auto types = extension_types(hello.extensions);
    std::string text = "t";
    text += version_digits(hello);
    text += hello.server_name ? 'd' : 'i';
    text += two_digits(cipher_suites.size());
    text += two_digits(types.size());
    text += alpn_characters(hello.alpn);

    std::ranges::sort(cipher_suites);
    text += '_' + truncated_sha256(hex_list(cipher_suites));

    std::erase_if(types, [](auto type) { return type == extension::server_name || type == extension::alpn; });
    std::ranges::sort(types);
    auto hashed = hex_list(types);
    if (const auto algorithms = without_grease(hello.signature_algorithms); !algorithms.empty())
        hashed += '_' + hex_list(algorithms);
    text += '_' + truncated_sha256(hashed);
    return text;
}

} // namespace snipass::tls
