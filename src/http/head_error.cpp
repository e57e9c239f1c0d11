// SPDX-License-Identifier: BSL-1.0
// The sentences and the statuses of head_error, one row each.
#include "snipass/http/head_error.hpp"

#include <array>
#include <string>

namespace snipass::http {

namespace {

constexpr std::uint16_t bad_request = 400;
constexpr std::uint16_t fields_too_large = 431; // RFC 6585 section 5
constexpr std::uint16_t not_implemented = 501;
constexpr std::uint16_t version_not_supported = 505;

struct row {
    head_error error;
    std::uint16_t status;
    const char* message;
};

constexpr std::array rows{
    row{head_error::not_http, bad_request, "no HTTP request (RFC 9112 section 3)"},
    row{head_error::tls_record, bad_request, "TLS, where HTTP is spoken (RFC 8446 section 5.1)"},
    row{head_error::http2_preface, version_not_supported,
        "HTTP/2 with prior knowledge, where HTTP/1 is spoken (RFC 9113 section 3.4)"},

    row{head_error::head_too_long, fields_too_large, "a request head over head_max"},
    row{head_error::empty_line, bad_request, "a line end before the request line (RFC 9112 section 2.2)"},
    row{head_error::method_byte, bad_request,
        "a byte in the method that no token has (RFC 9110 section 5.6.2)"},
    row{head_error::request_line, bad_request,
        "a request line that is not method, target and version, one space between them (RFC 9112 section 3)"},
    row{head_error::target_byte, bad_request, "a byte in the target that no URI has (RFC 9112 section 3.2)"},
    row{head_error::version_text, bad_request, "a version that is not HTTP/d.d (RFC 9112 section 2.3)"},
    row{head_error::bare_cr, bad_request, "a CR without LF (RFC 9112 section 2.2)"},
    row{head_error::bare_lf, bad_request, "an LF without CR (RFC 9112 section 2.2)"},
    row{head_error::line_folding, bad_request,
        "a line of the head that begins with white space (RFC 9112 section 5.2)"},
    row{head_error::field_name, bad_request, "a field line without a name and a colon (RFC 9112 section 5)"},
    row{head_error::space_before_colon, bad_request,
        "white space between a field's name and the colon (RFC 9112 section 5.1)"},
    row{head_error::field_value, bad_request,
        "a control character in a field's value (RFC 9110 section 5.5)"},

    row{head_error::version_number, version_not_supported,
        "a version other than HTTP/1.0 and HTTP/1.1 (RFC 9110 section 2.5)"},
    row{head_error::reserved_method, bad_request,
        "the method PRI, which is HTTP/2's (RFC 9113 section 11.6)"},
    row{head_error::connect, not_implemented, "CONNECT, which is for proxies (RFC 9110 section 9.3.6)"},
    row{head_error::asterisk, bad_request,
        "the target * of another method than OPTIONS (RFC 9112 section 3.2.4)"},
    row{head_error::target_form, bad_request,
        "a target that is no path and no http URI (RFC 9112 section 3.2)"},
    row{head_error::target_scheme, bad_request,
        "a target of another scheme than http (RFC 9112 section 3.2.2)"},
    row{head_error::target_userinfo, bad_request,
        "a target with a user's name in it (RFC 9110 section 4.2.4)"},
    row{head_error::target_authority, bad_request,
        "a target whose host or port is none (RFC 3986 section 3.2)"},

    row{head_error::host_repeated, bad_request, "more than one Host (RFC 9112 section 3.2)"},
    row{head_error::host_value, bad_request, "a Host that is not a host and a port (RFC 9110 section 7.2)"},
    row{head_error::host_missing, bad_request,
        "no Host, in HTTP/1.1 or beside a target with a host (RFC 9112 section 3.2)"},
    row{head_error::host_differs, bad_request,
        "a Host that differs from the target's (RFC 9112 section 3.2)"},

    row{head_error::path_byte, bad_request, "a byte in the path that no path has (RFC 3986 section 3.3)"},
    row{head_error::path_escape, bad_request,
        "a % in the path without two hexadecimal digits (RFC 3986 section 2.1)"},
    row{head_error::path_separator, bad_request,
        "a backslash or an escaped / or \\ in the path (RFC 3986 section 2.2)"},
    row{head_error::path_nul, bad_request, "a %00 in the path (RFC 3986 section 7.3)"},
    row{head_error::path_above_root, bad_request,
        "a path that leads above its root (RFC 3986 section 5.2.4)"},
};

constexpr bool rows_are_in_order() {
    auto expected = static_cast<int>(head_error::not_http);
    for (const auto& row : rows)
        if (static_cast<int>(row.error) != expected++)
            return false;
    return expected == static_cast<int>(head_error::end_);
}
static_assert(rows_are_in_order(), "one row for each head_error, in its order");

const row& row_of(int error) noexcept {
    return rows[static_cast<std::size_t>(error - 1)];
}

class head_category_type final : public boost::system::error_category {
  public:
    const char* name() const noexcept override { return "request head"; }
    std::string message(int error) const override {
        if (error < 1 || error >= static_cast<int>(head_error::end_))
            return "unknown request head error";
        return row_of(error).message;
    }
};

} // namespace

const boost::system::error_category& head_category() noexcept {
    static const head_category_type category;
    return category;
}

error_code make_error_code(head_error error) noexcept {
    return {static_cast<int>(error), head_category()};
}

std::uint16_t status_for(head_error error) noexcept {
    return row_of(static_cast<int>(error)).status;
}

} // namespace snipass::http
