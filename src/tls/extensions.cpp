// SPDX-License-Identifier: BSL-1.0
// Which body an extension has.
#include "extensions.hpp"

#include "extension_bodies.hpp"
#include "snipass/tls/constants.hpp"

namespace snipass::tls {

namespace {

// filled: one non-empty list and nothing behind it.
bool filled(std::optional<byte_reader> list, const byte_reader& behind) noexcept {
    return list && !list->empty() && behind.empty();
}

broken_rule unless(bool well_formed) noexcept {
    return well_formed ? broken_rule{} : hello_error::extension_body;
}

} // namespace

broken_rule parse_extension(std::uint16_t type, byte_reader body, client_hello& hello) noexcept {
    switch (type) {
    case extension::server_name:
        return parse_server_name(body, hello);
    case extension::alpn:
        return parse_alpn(body, hello);
    case extension::supported_versions:
        return parse_supported_versions(body, hello);
    case extension::supported_groups:
        return parse_supported_groups(body, hello);
    case extension::signature_algorithms:
        return parse_signature_algorithms(body, hello);
    case extension::signature_algorithms_cert:
        return parse_signature_algorithms_cert(body);
    case extension::key_share:
        return parse_key_share(body, hello);
    case extension::pre_shared_key:
        return parse_pre_shared_key(body);
    case extension::encrypted_client_hello:
        return parse_encrypted_client_hello(body, hello);
    case extension::renegotiation_info:
        return parse_renegotiation_info(body);
    case extension::use_srtp: // defined for DTLS alone; OpenSSL refuses it over TCP
        return hello_error::extension_of_dtls;

    // What only a TLS stack uses is checked because it refuses the hello over it.
    case extension::signed_certificate_timestamp:
    case extension::encrypt_then_mac:
    case extension::extended_master_secret:
    case extension::early_data:
    case extension::post_handshake_auth:
        return unless(body.empty());
    case extension::max_fragment_length:
        return unless(is_max_fragment_length(body));
    case extension::record_size_limit:
        return unless(is_record_size_limit(body));
    case extension::ec_point_formats:
    case extension::psk_key_exchange_modes:
        return unless(filled(body.prefixed_u8(), body));
    case extension::compress_certificate:
        return unless(!pairs(body.prefixed_u8(), body).empty());
    case extension::cookie:
        return unless(filled(body.prefixed_u16(), body));
    case extension::status_request:
        return unless(is_status_request(body));
    case extension::certificate_authorities:
        return unless(is_certificate_authorities(body));
    default:
        return {};
    }
}

} // namespace snipass::tls
