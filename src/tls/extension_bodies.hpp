// SPDX-License-Identifier: BSL-1.0
// The bodies of the extensions that have more to them than one list, each in a function of its own.
#pragma once

#include "snipass/tls/broken_rule.hpp"
#include "snipass/tls/byte_reader.hpp"
#include "snipass/tls/client_hello.hpp"

#include <optional>

namespace snipass::tls {

// pairs is a list that fills its extension, of two-byte values, at least one; empty if it is not.
[[nodiscard]] inline byte_view pairs(std::optional<byte_reader> list, const byte_reader& behind) noexcept {
    if (!list || !behind.empty() || list->rest().size() % 2 != 0)
        return {};
    return list->rest();
}

// Those of which `hello` notes something.
[[nodiscard]] broken_rule parse_server_name(byte_reader body, client_hello& hello) noexcept;
[[nodiscard]] broken_rule parse_alpn(byte_reader body, client_hello& hello) noexcept;
[[nodiscard]] broken_rule parse_supported_versions(byte_reader body, client_hello& hello) noexcept;
[[nodiscard]] broken_rule parse_supported_groups(byte_reader body, client_hello& hello) noexcept;
[[nodiscard]] broken_rule parse_signature_algorithms(byte_reader body, client_hello& hello) noexcept;
[[nodiscard]] broken_rule parse_key_share(byte_reader body, client_hello& hello) noexcept;
[[nodiscard]] broken_rule parse_encrypted_client_hello(byte_reader body, client_hello& hello) noexcept;

// Those that only a TLS stack uses.
[[nodiscard]] broken_rule parse_signature_algorithms_cert(byte_reader body) noexcept;
[[nodiscard]] broken_rule parse_pre_shared_key(byte_reader body) noexcept;
[[nodiscard]] broken_rule parse_renegotiation_info(byte_reader body) noexcept;
[[nodiscard]] bool is_status_request(byte_reader body) noexcept;
[[nodiscard]] bool is_certificate_authorities(byte_reader body) noexcept;
[[nodiscard]] bool is_max_fragment_length(byte_reader body) noexcept;
[[nodiscard]] bool is_record_size_limit(byte_reader body) noexcept;

} // namespace snipass::tls
