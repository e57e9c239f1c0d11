// SPDX-License-Identifier: BSL-1.0
// The bodies of the extensions, each from its first byte to its last, in the order of their definitions.
#include "extension_bodies.hpp"

#include "snipass/tls/constants.hpp"

namespace snipass::tls {

// RFC 6066 section 3: struct { NameType name_type; opaque HostName<1..2^16-1>; } ServerName
// server_name_list<1..2^16-1>. "MUST NOT contain more than one name of the same name_type", only host_name is
// defined, and how another type would be laid out is not: so exactly one entry, as in OpenSSL. Only a server
// may send the extension with an empty body.
broken_rule parse_server_name(byte_reader body, client_hello& hello) noexcept {
    auto list = body.prefixed_u16();
    if (!list || !body.empty())
        return hello_error::server_name_list;
    const auto type = list->u8();
    if (!type)
        return hello_error::server_name_list;
    if (*type != name_type_host_name)
        return hello_error::server_name_type;
    const auto name = list->prefixed_u16();
    if (!name)
        return hello_error::server_name_list;
    if (!list->empty())
        return hello_error::server_name_count;

    const auto bytes = name->rest();
    if (bytes.empty())
        return hello_error::server_name_empty;
    if (bytes.size() > max_server_name_size)
        return hello_error::server_name_too_long;
    // A name that ends early for whoever reads it as a C string is two names.
    if (as_text(bytes).find('\0') != std::string_view::npos)
        return hello_error::server_name_nul;
    hello.server_name = as_text(bytes);
    return {};
}

// RFC 7301 section 3.1: opaque ProtocolName<1..2^8-1>; ProtocolName protocol_name_list<2..2^16-1>.
broken_rule parse_alpn(byte_reader body, client_hello& hello) noexcept {
    auto list = body.prefixed_u16();
    if (!list || list->empty() || !body.empty())
        return hello_error::alpn_list;
    const alpn_list entries{list->rest()};
    while (!list->empty()) {
        const auto protocol = list->prefixed_u8();
        if (!protocol || protocol->empty())
            return hello_error::alpn_list;
    }
    hello.alpn = entries;
    return {};
}

// RFC 8446 section 4.2.1: ProtocolVersion versions<2..254>.
broken_rule parse_supported_versions(byte_reader body, client_hello& hello) noexcept {
    hello.supported_versions = pairs(body.prefixed_u8(), body);
    if (hello.supported_versions.empty())
        return hello_error::supported_versions_list;
    return {};
}

// RFC 8446 section 4.2.7: NamedGroup named_group_list<2..2^16-1>.
broken_rule parse_supported_groups(byte_reader body, client_hello& hello) noexcept {
    hello.supported_groups = pairs(body.prefixed_u16(), body);
    if (hello.supported_groups.empty())
        return hello_error::supported_groups_list;
    return {};
}

// RFC 8446 section 4.2.3: SignatureScheme supported_signature_algorithms<2..2^16-2>.
broken_rule parse_signature_algorithms(byte_reader body, client_hello& hello) noexcept {
    hello.signature_algorithms = pairs(body.prefixed_u16(), body);
    if (hello.signature_algorithms.empty())
        return hello_error::signature_algorithms_list;
    return {};
}

broken_rule parse_signature_algorithms_cert(byte_reader body) noexcept {
    if (pairs(body.prefixed_u16(), body).empty())
        return hello_error::signature_algorithms_list;
    return {};
}

// RFC 8446 section 4.2.8: struct { NamedGroup group; opaque key_exchange<1..2^16-1>; } KeyShareEntry
// client_shares<0..2^16-1>. That the groups are offered, and once each, is checked when all extensions are
// known.
broken_rule parse_key_share(byte_reader body, client_hello& hello) noexcept {
    auto shares = body.prefixed_u16();
    if (!shares || !body.empty())
        return hello_error::key_share_list;
    hello.key_shares = shares->rest();
    while (!shares->empty()) {
        const auto group = shares->u16();
        const auto key = shares->prefixed_u16();
        if (!group || !key || key->empty())
            return hello_error::key_share_list;
    }
    return {};
}

// RFC 8446 section 4.2.11: struct { opaque identity<1..2^16-1>; uint32 obfuscated_ticket_age; } PskIdentity
// identities<7..2^16-1>; opaque PskBinderEntry<32..255> binders<33..2^16-1>: one binder for each identity.
broken_rule parse_pre_shared_key(byte_reader body) noexcept {
    auto identities = body.prefixed_u16();
    auto binders = body.prefixed_u16();
    if (!identities || identities->empty() || !binders || !body.empty())
        return hello_error::pre_shared_key_list;
    while (!identities->empty()) {
        const auto identity = identities->prefixed_u16();
        if (!identity || identity->empty() || !identities->take(4))
            return hello_error::pre_shared_key_list;
        const auto binder = binders->prefixed_u8();
        if (!binder || binder->rest().size() < 32)
            return hello_error::pre_shared_key_list;
    }
    if (!binders->empty())
        return hello_error::pre_shared_key_list;
    return {};
}

// RFC 9849 section 5: ECHClientHelloType outer(0), inner(1), struct { HpkeSymmetricCipherSuite cipher_suite
// (4 bytes); uint8 config_id; opaque enc<0..2^16-1>; opaque payload<1..2^16-1>; } for outer, nothing for
// inner.
broken_rule parse_encrypted_client_hello(byte_reader body, client_hello& hello) noexcept {
    const auto type = body.u8();
    if (!type || *type > 1)
        return hello_error::encrypted_client_hello_body;
    hello.ech = *type == 0 ? ech_kind::outer : ech_kind::inner;
    if (hello.ech == ech_kind::outer) {
        const auto suite_and_config = body.take(5);
        const auto enc = body.prefixed_u16();
        const auto payload = body.prefixed_u16();
        if (!suite_and_config || !enc || !payload || payload->empty())
            return hello_error::encrypted_client_hello_body;
    }
    if (!body.empty())
        return hello_error::encrypted_client_hello_body;
    return {};
}

// RFC 5746 section 3.6: the first ClientHello of a connection renegotiates nothing; opaque
// renegotiated_connection<0>.
broken_rule parse_renegotiation_info(byte_reader body) noexcept {
    const auto verify_data = body.prefixed_u8();
    if (!verify_data || !verify_data->empty() || !body.empty())
        return hello_error::renegotiation_info_body;
    return {};
}

// RFC 6066 section 8: CertificateStatusType ocsp(1), opaque responder_id_list<0..2^16-1>, opaque
// extensions<0..2^16-1>.
bool is_status_request(byte_reader body) noexcept {
    const auto type = body.u8();
    if (type != 1)
        return type.has_value();
    auto responders = body.prefixed_u16();
    if (!responders || !body.prefixed_u16() || !body.empty())
        return false;
    while (!responders->empty()) {
        const auto responder = responders->prefixed_u16();
        if (!responder || responder->empty())
            return false;
    }
    return true;
}

// RFC 8446 section 4.2.4: opaque DistinguishedName<1..2^16-1>; DistinguishedName authorities<3..2^16-1>.
bool is_certificate_authorities(byte_reader body) noexcept {
    auto names = body.prefixed_u16();
    if (!names || names->empty() || !body.empty())
        return false;
    while (!names->empty()) {
        const auto name = names->prefixed_u16();
        if (!name || name->empty())
            return false;
    }
    return true;
}

bool is_max_fragment_length(byte_reader body) noexcept {
    const auto code = body.u8();
    return code && *code >= 1 && *code <= 4 && body.empty();
}

// RFC 8449 section 4: below 64 is illegal.
bool is_record_size_limit(byte_reader body) noexcept {
    const auto limit = body.u16();
    return limit && *limit >= 64 && body.empty();
}

} // namespace snipass::tls
