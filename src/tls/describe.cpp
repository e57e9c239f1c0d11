// SPDX-License-Identifier: BSL-1.0
// A hello in words, for `snipass explain --hello`.
#include "snipass/tls/describe.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/tls/byte_reader.hpp"
#include "snipass/tls/ja4.hpp"
#include "snipass/tls/names.hpp"

#include <optional>

namespace snipass::tls {

namespace {

void append_item(std::string& list, std::string_view item) {
    if (!list.empty())
        list += ", ";
    list += item;
}

std::string or_none(const std::string& text) {
    return text.empty() ? "none" : text;
}

std::string names_of(byte_view pairs, std::string (*name)(std::uint16_t)) {
    std::string list;
    for (byte_reader in{pairs}; const auto number = in.u16();)
        append_item(list, name(*number));
    return or_none(list);
}

std::string extension_names(byte_view extensions) {
    std::string list;
    for (byte_reader in{extensions}; const auto type = in.u16(); (void)in.prefixed_u16())
        append_item(list, extension_name(*type));
    return or_none(list);
}

std::string key_shares(byte_view shares) {
    std::string list;
    for (byte_reader in{shares}; const auto group = in.u16();) {
        const auto size = in.prefixed_u16()->rest().size(); // parse_client_hello has seen that it is there
        append_item(list, group_name(*group) + " (" + std::to_string(size) + " bytes)");
    }
    return or_none(list);
}

std::string protocols(alpn_list alpn) {
    std::string list;
    for (; !alpn.empty(); alpn.pop_front())
        append_item(list, in_ascii_quotes(alpn.front()));
    return or_none(list);
}

std::string ech(ech_kind kind) {
    switch (kind) {
    case ech_kind::outer:
        return "outer (real or GREASE: only the holder of the key can tell)";
    case ech_kind::inner:
        return "inner";
    default:
        return "none";
    }
}

std::optional<std::uint8_t> hex_value(char c) {
    if (c >= '0' && c <= '9')
        return static_cast<std::uint8_t>(c - '0');
    if (c >= 'a' && c <= 'f')
        return static_cast<std::uint8_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F')
        return static_cast<std::uint8_t>(c - 'A' + 10);
    return std::nullopt;
}

// hex_bytes is nullopt if the text is anything but hexadecimal, white space and comments.
std::optional<std::vector<std::uint8_t>> hex_bytes(std::string_view text) {
    std::vector<std::uint8_t> bytes;
    std::uint8_t high = 0;
    bool is_low = false; // the next digit
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '#' && (i == 0 || text[i - 1] == '\n')) {
            i = text.find('\n', i);
            if (i == std::string_view::npos)
                break;
            continue;
        }
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        const auto value = hex_value(c);
        if (!value)
            return std::nullopt;
        if (is_low)
            bytes.push_back(static_cast<std::uint8_t>(high << 4 | *value));
        high = *value;
        is_low = !is_low;
    }
    if (is_low || bytes.empty())
        return std::nullopt;
    return bytes;
}

} // namespace

std::vector<described_field> describe(const client_hello& hello) {
    return {
        {"legacy version", version_name(hello.legacy_version)},
        {"session ID", std::to_string(hello.session_id.size()) + " bytes"},
        {"cipher suites", names_of(hello.cipher_suites, cipher_suite_name)},
        {"extensions", extension_names(hello.extensions)},
        {"server_name", hello.server_name ? in_ascii_quotes(*hello.server_name) : "none"},
        {"ALPN", protocols(hello.alpn)},
        {"versions", names_of(hello.supported_versions, version_name)},
        {"groups", names_of(hello.supported_groups, group_name)},
        {"signature algorithms", names_of(hello.signature_algorithms, signature_scheme_name)},
        {"key shares", key_shares(hello.key_shares)},
        {"ECH", ech(hello.ech)},
        {"JA4", ja4(hello)},
    };
}

std::vector<std::uint8_t> captured_stream(std::string_view file_content) {
    if (auto bytes = hex_bytes(file_content))
        return std::move(*bytes);
    const auto raw = as_bytes(file_content);
    return {raw.begin(), raw.end()};
}

} // namespace snipass::tls
