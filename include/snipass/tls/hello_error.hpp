// SPDX-License-Identifier: BSL-1.0
// Why bytes were not accepted as a ClientHello. One error a rule, so that a log line can say which rule was
// broken.
#pragma once

#include "snipass/base/result.hpp"

#include <cstdint>

namespace snipass::tls {

// hello_error names the rule that was broken; message() gives the sentence with its RFC section. `not_tls`
// stands apart: those bytes are no TLS at all. All others are a hello that a TLS stack would refuse
// ("malformed"). In the order in which the parser meets them.
enum class hello_error {
    not_tls = 1, // the first bytes are no TLS record

    // Records and the handshake header: found by client_hello_assembler.
    record_type,
    record_version,
    record_empty,
    record_too_long,
    handshake_type,
    message_too_long,
    message_too_short,
    data_behind_hello,

    // The fixed part of the message: found, as all that follow, by parse_client_hello.
    field_truncated,
    legacy_version,
    session_id_too_long,
    cipher_suites_length,
    no_null_compression,
    trailing_bytes,

    // Extensions, one at a time.
    extension_truncated,
    extension_duplicate,
    pre_shared_key_not_last,
    extension_of_dtls,
    extension_body,
    server_name_list,
    server_name_type,
    server_name_count,
    server_name_empty,
    server_name_too_long,
    server_name_nul,
    alpn_list,
    supported_versions_list,
    supported_groups_list,
    signature_algorithms_list,
    key_share_list,
    pre_shared_key_list,
    encrypted_client_hello_body,
    renegotiation_info_body,

    // What the extensions say together.
    no_known_version,
    compression_with_tls13,
    missing_extension,
    key_share_group,

    end_, // not an error: one past the last
};

[[nodiscard]] const boost::system::error_category& hello_category() noexcept;
[[nodiscard]] error_code make_error_code(hello_error error) noexcept;

// The TLS alert (RFC 8446 section 6) that a TLS server would answer such a hello with: decode_error,
// illegal_parameter, unexpected_message, record_overflow, ...
[[nodiscard]] std::uint8_t alert_for(hello_error error) noexcept;

} // namespace snipass::tls

template <>
struct boost::system::is_error_code_enum<snipass::tls::hello_error> : std::true_type {};
