// SPDX-License-Identifier: BSL-1.0
// The names of versions, groups, alerts and other numbers of TLS.
#include "snipass/tls/names.hpp"

#include "snipass/tls/constants.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace snipass::tls {

namespace {

struct named {
    std::uint16_t number;
    std::string_view name;
};

constexpr std::array versions{
    named{0x0300, "SSL 3.0"}, named{0x0301, "TLS 1.0"}, named{0x0302, "TLS 1.1"},
    named{0x0303, "TLS 1.2"}, named{0x0304, "TLS 1.3"},
};

// IANA: TLS Supported Groups.
constexpr std::array groups{
    named{0x0013, "secp192r1"},
    named{0x0015, "secp224r1"},
    named{0x0016, "secp256k1"},
    named{0x0017, "secp256r1"},
    named{0x0018, "secp384r1"},
    named{0x0019, "secp521r1"},
    named{0x001a, "brainpoolP256r1"},
    named{0x001b, "brainpoolP384r1"},
    named{0x001c, "brainpoolP512r1"},
    named{0x001d, "x25519"},
    named{0x001e, "x448"},
    named{0x001f, "brainpoolP256r1tls13"},
    named{0x0020, "brainpoolP384r1tls13"},
    named{0x0021, "brainpoolP512r1tls13"},
    named{0x0029, "curveSM2"},
    named{0x0100, "ffdhe2048"},
    named{0x0101, "ffdhe3072"},
    named{0x0102, "ffdhe4096"},
    named{0x0103, "ffdhe6144"},
    named{0x0104, "ffdhe8192"},
    named{0x0200, "MLKEM512"},
    named{0x0201, "MLKEM768"},
    named{0x0202, "MLKEM1024"},
    named{0x11eb, "SecP256r1MLKEM768"},
    named{0x11ec, "X25519MLKEM768"},
    named{0x11ed, "SecP384r1MLKEM1024"},
    named{0x6399, "X25519Kyber768Draft00"},
};

// IANA: TLS SignatureScheme.
constexpr std::array signature_schemes{
    named{0x0201, "rsa_pkcs1_sha1"},
    named{0x0203, "ecdsa_sha1"},
    named{0x0401, "rsa_pkcs1_sha256"},
    named{0x0403, "ecdsa_secp256r1_sha256"},
    named{0x0501, "rsa_pkcs1_sha384"},
    named{0x0503, "ecdsa_secp384r1_sha384"},
    named{0x0601, "rsa_pkcs1_sha512"},
    named{0x0603, "ecdsa_secp521r1_sha512"},
    named{0x0804, "rsa_pss_rsae_sha256"},
    named{0x0805, "rsa_pss_rsae_sha384"},
    named{0x0806, "rsa_pss_rsae_sha512"},
    named{0x0807, "ed25519"},
    named{0x0808, "ed448"},
    named{0x0809, "rsa_pss_pss_sha256"},
    named{0x080a, "rsa_pss_pss_sha384"},
    named{0x080b, "rsa_pss_pss_sha512"},
    named{0x0904, "mldsa44"},
    named{0x0905, "mldsa65"},
    named{0x0906, "mldsa87"},
};

// IANA: TLS ExtensionType Values.
constexpr std::array extensions{
    named{extension::server_name, "server_name"},
    named{extension::max_fragment_length, "max_fragment_length"},
    named{extension::status_request, "status_request"},
    named{extension::supported_groups, "supported_groups"},
    named{extension::ec_point_formats, "ec_point_formats"},
    named{extension::signature_algorithms, "signature_algorithms"},
    named{extension::use_srtp, "use_srtp"},
    named{15, "heartbeat"},
    named{extension::alpn, "application_layer_protocol_negotiation"},
    named{17, "status_request_v2"},
    named{extension::signed_certificate_timestamp, "signed_certificate_timestamp"},
    named{21, "padding"},
    named{extension::encrypt_then_mac, "encrypt_then_mac"},
    named{extension::extended_master_secret, "extended_master_secret"},
    named{24, "token_binding"},
    named{extension::compress_certificate, "compress_certificate"},
    named{extension::record_size_limit, "record_size_limit"},
    named{34, "delegated_credential"},
    named{35, "session_ticket"},
    named{extension::pre_shared_key, "pre_shared_key"},
    named{extension::early_data, "early_data"},
    named{extension::supported_versions, "supported_versions"},
    named{extension::cookie, "cookie"},
    named{extension::psk_key_exchange_modes, "psk_key_exchange_modes"},
    named{extension::certificate_authorities, "certificate_authorities"},
    named{extension::post_handshake_auth, "post_handshake_auth"},
    named{extension::signature_algorithms_cert, "signature_algorithms_cert"},
    named{extension::key_share, "key_share"},
    named{57, "quic_transport_parameters"},
    named{0x3374, "next_protocol_negotiation"},
    named{0x4469, "application_settings_old"},
    named{0x44cd, "application_settings"},
    named{extension::encrypted_client_hello, "encrypted_client_hello"},
    named{extension::renegotiation_info, "renegotiation_info"},
};

// Those that current clients offer, and the two that are signals (IANA: TLS Cipher Suites).
constexpr std::array cipher_suites{
    named{0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"},
    named{0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"},
    named{0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"},
    named{0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"},
    named{0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
    named{0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"},
    named{0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"},
    named{0x1301, "TLS_AES_128_GCM_SHA256"},
    named{0x1302, "TLS_AES_256_GCM_SHA384"},
    named{0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
    named{0x1304, "TLS_AES_128_CCM_SHA256"},
    named{0x1305, "TLS_AES_128_CCM_8_SHA256"},
    named{0x5600, "TLS_FALLBACK_SCSV"},
    named{0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"},
    named{0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"},
    named{0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"},
    named{0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"},
    named{0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
    named{0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
    named{0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
    named{0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
    named{0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
    named{0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
    named{0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
};

// IANA: TLS Alerts. Those that a refused client may be told.
constexpr std::array alerts{
    named{alert::unexpected_message, "unexpected_message"},
    named{alert::record_overflow, "record_overflow"},
    named{alert::illegal_parameter, "illegal_parameter"},
    named{alert::decode_error, "decode_error"},
    named{alert::protocol_version, "protocol_version"},
    named{alert::missing_extension, "missing_extension"},
    named{alert::unrecognized_name, "unrecognized_name"},
};

std::string name_in(std::span<const named> names, std::uint16_t number) {
    const auto found = std::ranges::find(names, number, &named::number);
    if (found != names.end())
        return std::string{found->name};
    std::string hexadecimal = is_grease(number) ? "GREASE 0x" : "0x";
    for (const int shift : {12, 8, 4, 0})
        hexadecimal += "0123456789abcdef"[number >> shift & 0xf];
    return hexadecimal;
}

} // namespace

std::string version_name(std::uint16_t version) {
    return name_in(versions, version);
}
std::string group_name(std::uint16_t group) {
    return name_in(groups, group);
}
std::string signature_scheme_name(std::uint16_t scheme) {
    return name_in(signature_schemes, scheme);
}
std::string extension_name(std::uint16_t type) {
    return name_in(extensions, type);
}
std::string cipher_suite_name(std::uint16_t suite) {
    return name_in(cipher_suites, suite);
}
std::string alert_name(std::uint8_t alert) {
    return name_in(alerts, alert);
}

} // namespace snipass::tls
