// SPDX-License-Identifier: BSL-1.0
// Why bytes were not accepted as the head of an HTTP request. One error a rule, so that a log line can say
// which rule was broken.
#pragma once

#include "snipass/base/result.hpp"

#include <cstdint>

namespace snipass::http {

// head_error names the rule that was broken; message() gives the sentence with its RFC section. The first
// three stand apart: those bytes are no HTTP/1 at all. All others are a request that servers refuse, or may
// read differently ("malformed"). In the order in which the reader meets them.
enum class head_error {
    not_http = 1,  // the first byte begins no request
    tls_record,    // it is TLS
    http2_preface, // it is HTTP/2 with prior knowledge

    // A byte at a time: found by head_scanner.
    head_too_long,
    empty_line,
    method_byte,
    request_line,
    target_byte,
    version_text,
    bare_cr,
    bare_lf,
    line_folding,
    field_name,
    space_before_colon,
    field_value,

    // What the request line says: found, as all that follow, by parse_request_head.
    version_number,
    reserved_method,
    connect,
    asterisk,
    target_form,
    target_scheme,
    target_userinfo,
    target_authority,

    // The Host fields, alone and beside the target.
    host_repeated,
    host_value,
    host_missing,
    host_differs,

    // A path that cannot be normalised safely.
    path_byte,
    path_escape,
    path_separator,
    path_nul,
    path_above_root,

    end_, // not an error: one past the last
};

[[nodiscard]] const boost::system::error_category& head_category() noexcept;
[[nodiscard]] error_code make_error_code(head_error error) noexcept;

// The status (RFC 9110 section 15) that an HTTP server would answer such a head with: 400, 431, 501 or 505.
[[nodiscard]] std::uint16_t status_for(head_error error) noexcept;

} // namespace snipass::http

template <>
struct boost::system::is_error_code_enum<snipass::http::head_error> : std::true_type {};
