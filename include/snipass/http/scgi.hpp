// SPDX-License-Identifier: BSL-1.0
// A request head in SCGI's form, as a backend is sent it along with the client's socket (docs/handoff.md).
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/http/request_head.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace snipass::http {

// ended_tls is what is told besides of a client whose TLS has ended in front of the backend.
struct ended_tls {
    std::string_view version;     // "TLSv1.3"
    std::string_view cipher;      // "TLS_AES_128_GCM_SHA256"
    std::string_view protocol;    // chosen by ALPN; empty: none
    std::string_view server_name; // what the client has asked for; empty: nothing
    bool is_resumed = false;
    std::optional<std::string_view> client_name; // of a certificate that is good: its common name; none: none
    bool is_in_kernel = false;                   // which has the keys; else the descriptor is a socket pair's
    std::string_view farewell;                   // where the end of such a connection may be left
};

// write_scgi gives a netstring of names and values, each with a NUL behind it: CONTENT_LENGTH first, which is
// 0 because no body follows, SCGI, whose it is, the request line, then each field as HTTP_NAME, in its order,
// repeated ones repeated. Left out are Proxy, whose variable others mean something else by, and fields whose
// names have other characters than letters, digits and '-': two names would be one variable. `tls`: what
// follows SCGI then is HTTPS and KTLS_RX, as the module has them, and behind the fields come variables with
// the names of Apache's mod_ssl.
[[nodiscard]] std::string write_scgi(const request_head& head, const ip_endpoint& client,
                                     const ip_endpoint& server,
                                     const std::optional<ended_tls>& tls = std::nullopt);

} // namespace snipass::http
