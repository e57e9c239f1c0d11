// SPDX-License-Identifier: BSL-1.0
// client_hello: the fields of a ClientHello that routing and the access log use, as views into the message.
#pragma once

#include "snipass/base/alpn_list.hpp"
#include "snipass/base/bytes.hpp"
#include "snipass/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace snipass::tls {

enum class ech_kind {
    none,
    outer, // an outer ClientHello with real or GREASE encrypted_client_hello: nobody without the key can tell
           // which
    inner,
};

// client_hello's views point into the message it was parsed from.
struct client_hello {
    byte_view message; // the whole of it, header included
    std::uint16_t legacy_version = 0;
    byte_view random;
    byte_view session_id;
    byte_view cipher_suites; // pairs of bytes
    byte_view compression_methods;
    byte_view extensions; // the extensions behind their length; each type, length, body
    std::optional<std::string_view>
        server_name;                // the one HostName of server_name (RFC 6066 section 3), as sent
    alpn_list alpn;                 // RFC 7301
    byte_view supported_versions;   // pairs of bytes (RFC 8446 section 4.2.1)
    byte_view supported_groups;     // pairs of bytes
    byte_view signature_algorithms; // pairs of bytes
    byte_view key_shares;           // KeyShareEntry ... (RFC 8446 section 4.2.8)
    ech_kind ech = ech_kind::none;
};

// parse_client_hello reads a whole ClientHello handshake message, header included (RFC 8446 section 4.1.2),
// and is as strict as a TLS stack: what one would refuse is an error (docs/parser.md has every rule). The
// order of the checks is the order of the bytes. It allocates nothing and does linear work. Errors:
// hello_error.
[[nodiscard]] result<client_hello> parse_client_hello(byte_view message) noexcept;

} // namespace snipass::tls
