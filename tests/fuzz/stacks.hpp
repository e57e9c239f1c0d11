// SPDX-License-Identifier: BSL-1.0
// What real TLS servers make of a stream: OpenSSL and GnuTLS, run up to the moment where they choose by name.
#pragma once

#include "snipass/base/bytes.hpp"

#include <string>

namespace snipass::fuzz {

enum class verdict_kind {
    waits,   // wants more bytes
    refused, // ended the handshake before it came to a name
    no_name, // came to the choice, and the client named none
    name,    // came to the choice, with this name
};

struct verdict {
    verdict_kind kind = verdict_kind::waits;
    std::string name;   // as the library hands it to the server
    std::string reason; // why it refused, in the library's words

    [[nodiscard]] std::string to_string() const;
};

// Each is a server that is as permissive as the library can be made (TLS 1.0 to 1.3, any security level),
// because what one of its administrators may allow is what snipass must expect behind it. The handshake ends
// at the choice.
[[nodiscard]] verdict ask_openssl(byte_view stream);
[[nodiscard]] verdict
ask_openssl_tls12(byte_view stream); // a server that speaks no TLS 1.3, and so ignores its extensions
[[nodiscard]] verdict ask_gnutls(byte_view stream);

// Whether the server goes on after the choice and answers with a ServerHello or a HelloRetryRequest: some
// checks of a hello come only then. It costs a signature, so it is asked where it matters.
[[nodiscard]] bool openssl_serves(byte_view stream);
[[nodiscard]] bool gnutls_serves(byte_view stream);

} // namespace snipass::fuzz
