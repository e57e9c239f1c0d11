// SPDX-License-Identifier: BSL-1.0
// The ClientHello, field by field in the order of RFC 8446 section 4.1.2, then what its extensions say
// together.
#include "snipass/tls/client_hello.hpp"

#include "extensions.hpp"
#include "snipass/tls/byte_reader.hpp"
#include "snipass/tls/constants.hpp"
#include "snipass/tls/hello_error.hpp"
#include "snipass/tls/u16_set.hpp"

#include <algorithm>

namespace snipass::tls {

namespace {

broken_rule parse_message_header(byte_reader& in) noexcept {
    const auto type = in.u8();
    if (!type)
        return hello_error::field_truncated;
    if (*type != handshake_client_hello)
        return hello_error::handshake_type;
    const auto size = in.u24();
    if (!size || *size > in.rest().size())
        return hello_error::field_truncated;
    if (*size < in.rest().size())
        return hello_error::data_behind_hello;
    return {};
}

broken_rule parse_fixed_part(byte_reader& in, client_hello& hello) noexcept {
    const auto legacy_version = in.u16();
    if (!legacy_version)
        return hello_error::field_truncated;
    // RFC 8446 appendix D.5: SSL 3.0 "MUST abort the handshake"; RFC 6176 says the same of SSL 2.0.
    if (*legacy_version <= version::ssl30)
        return hello_error::legacy_version;
    const auto random = in.take(random_size);
    const auto session_id = in.prefixed_u8();
    if (!random || !session_id)
        return hello_error::field_truncated;
    if (session_id->rest().size() > max_session_id_size)
        return hello_error::session_id_too_long;

    const auto cipher_suites = in.prefixed_u16();
    if (!cipher_suites)
        return hello_error::field_truncated;
    if (cipher_suites->empty() || cipher_suites->rest().size() % 2 != 0)
        return hello_error::cipher_suites_length;

    const auto compression = in.prefixed_u8();
    if (!compression)
        return hello_error::field_truncated;
    const auto methods = compression->rest();
    if (std::ranges::find(methods, null_compression) == methods.end())
        return hello_error::no_null_compression;

    hello.legacy_version = *legacy_version;
    hello.random = *random;
    hello.session_id = session_id->rest();
    hello.cipher_suites = cipher_suites->rest();
    hello.compression_methods = methods;
    return {};
}

// A ClientHello may end before the extensions (RFC 5246 section 7.4.1.2); RFC 8446 section 4.2: "There MUST
// NOT be more than one extension of the same type", known or not.
broken_rule parse_extensions(byte_reader& in, client_hello& hello, u16_set& types) noexcept {
    if (in.empty())
        return {};
    auto extensions = in.prefixed_u16();
    if (!extensions)
        return hello_error::field_truncated;
    hello.extensions = extensions->rest();
    while (!extensions->empty()) {
        const auto type = extensions->u16();
        if (!type)
            return hello_error::extension_truncated;
        const auto body = extensions->prefixed_u16();
        if (!body)
            return hello_error::extension_truncated;
        if (!types.insert(*type))
            return hello_error::extension_duplicate;
        if (const auto broken = parse_extension(*type, *body, hello))
            return broken;
        if (*type == extension::pre_shared_key && !extensions->empty())
            return hello_error::pre_shared_key_not_last;
    }
    if (!in.empty())
        return hello_error::trailing_bytes;
    return {};
}

bool offers(byte_view versions, std::uint16_t version) noexcept {
    for (byte_reader list{versions}; const auto offered = list.u16();)
        if (*offered == version)
            return true;
    return false;
}

// A client that sends supported_versions is bound by it alone (RFC 8446 section 4.2.1). One that offers
// nothing from TLS 1.0 to 1.3 is answered with protocol_version by each server there is, before it looks at
// the name. This one does not offer TLS 1.3.
broken_rule check_versions_without_tls13(const client_hello& hello) noexcept {
    if (hello.supported_versions.empty())
        return {};
    for (const auto known : {version::tls12, version::tls11, version::tls10})
        if (offers(hello.supported_versions, known))
            return {};
    return hello_error::no_known_version;
}

// RFC 8446 section 4.2.8: clients offer one share a group, and only for groups in supported_groups. Their
// shares are few and of the groups that they like best, so the longer list is rarely walked to its end.
broken_rule check_key_shares(const client_hello& hello) noexcept {
    u16_set groups;
    std::size_t missing = 0; // in supported_groups, as far as that was read
    for (byte_reader shares{hello.key_shares}; const auto group = shares.u16(); ++missing) {
        if (!groups.insert(*group))
            return hello_error::key_share_group;
        (void)shares.prefixed_u16(); // parse_key_share has seen that it is there
    }
    for (byte_reader list{hello.supported_groups}; missing > 0;) {
        const auto group = list.u16();
        if (!group)
            return hello_error::key_share_group;
        if (groups.erase(*group))
            --missing;
    }
    return {};
}

// What RFC 8446 demands of a hello that offers TLS 1.3: section 4.1.2 (no compression), 9.2 and 4.2.9
// (extensions that go together). With a pre-shared key the groups may come without shares, as stacks accept
// it.
broken_rule check_tls13(const client_hello& hello, const u16_set& types) noexcept {
    if (hello.compression_methods.size() != 1)
        return hello_error::compression_with_tls13;
    const bool has_psk = types.contains(extension::pre_shared_key);
    const bool has_groups = types.contains(extension::supported_groups);
    const bool has_shares = types.contains(extension::key_share);
    if (has_psk && !types.contains(extension::psk_key_exchange_modes))
        return hello_error::missing_extension;
    if (!has_psk && !(has_groups && has_shares && types.contains(extension::signature_algorithms)))
        return hello_error::missing_extension;
    if (has_shares && !has_groups)
        return hello_error::missing_extension;
    return check_key_shares(hello);
}

broken_rule parse_message(byte_view message, client_hello& hello) noexcept {
    byte_reader in{message};
    u16_set types;
    hello.message = message;
    if (const auto broken = parse_message_header(in))
        return broken;
    if (const auto broken = parse_fixed_part(in, hello))
        return broken;
    if (const auto broken = parse_extensions(in, hello, types))
        return broken;
    if (offers(hello.supported_versions, version::tls13))
        return check_tls13(hello, types);
    return check_versions_without_tls13(hello);
}

} // namespace

result<client_hello> parse_client_hello(byte_view message) noexcept {
    result<client_hello> answer{client_hello{}};
    if (const auto broken = parse_message(message, *answer))
        answer = *broken;
    return answer;
}

} // namespace snipass::tls
