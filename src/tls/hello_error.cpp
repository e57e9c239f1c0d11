// SPDX-License-Identifier: BSL-1.0
// The sentences and the alerts of hello_error, one row each.
#include "snipass/tls/hello_error.hpp"

#include "snipass/tls/constants.hpp"

#include <array>
#include <string>

namespace snipass::tls {

namespace {

struct row {
    hello_error error;
    std::uint8_t alert;
    const char* message;
};

constexpr std::array rows{
    row{hello_error::not_tls, alert::unexpected_message, "no TLS record (RFC 8446 section 5.1)"},

    row{hello_error::record_type, alert::unexpected_message,
        "a record of another type where the ClientHello should be (RFC 8446 section 5.1)"},
    row{hello_error::record_version, alert::protocol_version,
        "a record whose version does not begin with 3 (RFC 8446 section 5.1)"},
    row{hello_error::record_empty, alert::unexpected_message,
        "a handshake record of length zero (RFC 8446 section 5.1)"},
    row{hello_error::record_too_long, alert::record_overflow,
        "a record over 16384 bytes (RFC 8446 section 5.1)"},
    row{hello_error::handshake_type, alert::unexpected_message,
        "a handshake message other than ClientHello (RFC 8446 section 4)"},
    row{hello_error::message_too_long, alert::illegal_parameter, "a ClientHello over hello_max"},
    row{hello_error::message_too_short, alert::decode_error,
        "a ClientHello too short for its fields (RFC 8446 section 4.1.2)"},
    row{hello_error::data_behind_hello, alert::unexpected_message,
        "bytes behind the ClientHello in its last record (RFC 8446 section 5.1)"},

    row{hello_error::field_truncated, alert::decode_error,
        "a field reaches beyond the ClientHello (RFC 8446 section 4.1.2)"},
    row{hello_error::legacy_version, alert::protocol_version,
        "a ClientHello of SSL 3.0 or older (RFC 8446 appendix D.5)"},
    row{hello_error::session_id_too_long, alert::decode_error,
        "a session ID over 32 bytes (RFC 8446 section 4.1.2)"},
    row{hello_error::cipher_suites_length, alert::decode_error,
        "a cipher suite list of no or odd length (RFC 8446 section 4.1.2)"},
    row{hello_error::no_null_compression, alert::illegal_parameter,
        "no null compression method (RFC 5246 section 7.4.1.2)"},
    row{hello_error::trailing_bytes, alert::decode_error,
        "bytes behind the extensions (RFC 8446 section 4.1.2)"},

    row{hello_error::extension_truncated, alert::decode_error,
        "an extension reaches beyond its list (RFC 8446 section 4.2)"},
    row{hello_error::extension_duplicate, alert::illegal_parameter,
        "an extension given twice (RFC 8446 section 4.2)"},
    row{hello_error::pre_shared_key_not_last, alert::illegal_parameter,
        "pre_shared_key is not the last extension (RFC 8446 section 4.2.11)"},
    row{hello_error::extension_of_dtls, alert::illegal_parameter,
        "use_srtp, which belongs to DTLS (RFC 5764 section 4.1)"},
    row{hello_error::extension_body, alert::decode_error,
        "an extension whose body breaks its definition (RFC 8446 section 4.2)"},
    row{hello_error::server_name_list, alert::decode_error,
        "a server_name list that is empty or does not fill its extension (RFC 6066 section 3)"},
    row{hello_error::server_name_type, alert::decode_error,
        "a server name of a type other than host_name (RFC 6066 section 3)"},
    row{hello_error::server_name_count, alert::decode_error,
        "more than one name in server_name (RFC 6066 section 3)"},
    row{hello_error::server_name_empty, alert::decode_error, "an empty host name (RFC 6066 section 3)"},
    row{hello_error::server_name_too_long, alert::unrecognized_name,
        "a host name over 255 bytes (RFC 1035 section 2.3.4)"},
    row{hello_error::server_name_nul, alert::unrecognized_name,
        "a NUL in the host name (RFC 6066 section 3)"},
    row{hello_error::alpn_list, alert::decode_error,
        "an ALPN list that is empty, has an empty name or does not fill its extension (RFC 7301 section "
        "3.1)"},
    row{hello_error::supported_versions_list, alert::decode_error,
        "supported_versions is empty, odd or does not fill its extension (RFC 8446 section 4.2.1)"},
    row{hello_error::supported_groups_list, alert::decode_error,
        "supported_groups is empty, odd or does not fill its extension (RFC 8446 section 4.2.7)"},
    row{hello_error::signature_algorithms_list, alert::decode_error,
        "signature_algorithms is empty, odd or does not fill its extension (RFC 8446 section 4.2.3)"},
    row{hello_error::key_share_list, alert::decode_error,
        "key_share has an empty share or does not fill its extension (RFC 8446 section 4.2.8)"},
    row{hello_error::pre_shared_key_list, alert::decode_error,
        "pre_shared_key has a bad identity or binder, or not one binder each (RFC 8446 section 4.2.11)"},
    row{hello_error::encrypted_client_hello_body, alert::decode_error,
        "encrypted_client_hello breaks its definition (RFC 9849 section 5)"},
    row{hello_error::renegotiation_info_body, alert::illegal_parameter,
        "renegotiation_info is not empty in a first ClientHello (RFC 5746 section 3.6)"},

    row{hello_error::no_known_version, alert::protocol_version,
        "no version from TLS 1.0 to TLS 1.3 is offered (RFC 8446 section 4.2.1)"},
    row{hello_error::compression_with_tls13, alert::illegal_parameter,
        "compression methods offered along with TLS 1.3 (RFC 8446 section 4.1.2)"},
    row{hello_error::missing_extension, alert::missing_extension,
        "an extension is missing that TLS 1.3 demands (RFC 8446 section 9.2)"},
    row{hello_error::key_share_group, alert::illegal_parameter,
        "a key share for a group given twice or not in supported_groups (RFC 8446 section 4.2.8)"},
};

constexpr bool rows_are_in_order() {
    auto expected = static_cast<int>(hello_error::not_tls);
    for (const auto& row : rows)
        if (static_cast<int>(row.error) != expected++)
            return false;
    return expected == static_cast<int>(hello_error::end_);
}
static_assert(rows_are_in_order(), "one row for each hello_error, in its order");

const row& row_of(int error) noexcept {
    return rows[static_cast<std::size_t>(error - 1)];
}

class hello_category_type final : public boost::system::error_category {
  public:
    const char* name() const noexcept override { return "hello"; }
    std::string message(int error) const override {
        if (error < 1 || error >= static_cast<int>(hello_error::end_))
            return "unknown hello error";
        return row_of(error).message;
    }
};

} // namespace

const boost::system::error_category& hello_category() noexcept {
    static const hello_category_type category;
    return category;
}

error_code make_error_code(hello_error error) noexcept {
    return {static_cast<int>(error), hello_category()};
}

std::uint8_t alert_for(hello_error error) noexcept {
    return row_of(static_cast<int>(error)).alert;
}

} // namespace snipass::tls
