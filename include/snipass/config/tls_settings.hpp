// SPDX-License-Identifier: BSL-1.0
// tls_settings: what the file says of TLS that ends in snipass-tls.
#pragma once

#include "snipass/config/allowed_user.hpp"
#include "snipass/config/position.hpp"
#include "snipass/route/pattern.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::config {

using std::chrono::milliseconds;

// plaintext_kind is how a backend gets what its client says once TLS has ended in snipass-tls.
enum class plaintext_kind {
    relay, // one end of a socket pair; snipass-tls stays in the path
    ktls,  // the client's own socket; the kernel has the keys. Where it cannot, as above
};

// certificate_source is where certificates are. A path begins with "/", or with credential_prefix for a file
// that systemd passes (LoadCredential=).
struct certificate_source {
    std::string chain; // a file; without a key also a folder with fullchain.pem and privkey.pem, or a pattern
    std::string key;   // empty: in that folder, or in the same file
    position where;
};
inline constexpr std::string_view credential_prefix = "credential:";

// client_certificates: what the clients of a backend show, so that it knows who they are.
struct client_certificates {
    std::string authorities;  // `client_ca`: a file with the certificates of whoever may issue theirs
    bool are_required = true; // `verify`
    position where{};         // of client_ca
};

// backend_encryption: what the client says is encrypted again on its way to a proxied backend
// (`backend_tls`).
struct backend_encryption {
    std::string authorities = "/etc/ssl/certs/ca-certificates.crt"; // `backend_ca`; Debian's of the system
    std::string
        name{}; // `backend_name`, of its certificate; empty: the address's, or the one that is asked for
    std::optional<certificate_source>
        shown{};      // `backend_certificate`: what snipass-tls shows the backend, if it asks; no pattern
    position where{}; // of backend_ca, or of backend_tls
};

// termination_settings: the backend speaks no TLS. The router hands its clients to snipass-tls, which does
// the handshake and hands on what they say in clear.
struct termination_settings {
    std::vector<std::string> alpn{"http/1.1"}; // offered, the best one first
    plaintext_kind plaintext = plaintext_kind::relay;
    std::optional<client_certificates> clients{};   // none: no client is asked for one
    std::optional<backend_encryption> encryption{}; // none: it goes on in clear
    position where{};                               // of the key `tls`
    position plaintext_where{};                     // of that one
};

// The oldest version of TLS that is spoken.
enum class tls_version {
    v1_2,
    v1_3
};

// A name of a route whose clients' TLS ends in snipass-tls.
struct terminated_name {
    route::pattern name;
    position where;
};

// The keys of session tickets lie beside the socket where clients are taken.
inline constexpr std::string_view tickets_suffix = ".tickets";

// Where the router asks snipass-tls how it is, beside `handoff`.
inline constexpr std::string_view status_suffix = ".status";

// And where servers leave the ends of connections whose TLS the kernel speaks (docs/handoff.md, Farewell).
inline constexpr std::string_view farewell_suffix = ".farewell";

// tls_settings is what snipass-tls does.
struct tls_settings {
    std::vector<certificate_source> certificates;
    std::string handoff_path = "/run/snipass-tls/handoff.sock"; // where it takes clients from the router
    std::vector<allowed_user> allowed_users{}; // besides root and its own: who may hand them over
    bool allows_listed_only = false;           // the list is the file's; else it is the user snipass
    milliseconds handshake_timeout{10'000};
    std::size_t max_handshakes = 2'000;
    tls_version min_version = tls_version::v1_2;
    std::string default_name{};         // whose certificate a client gets for whose name there is none
    position default_where{};           // of that
    std::vector<terminated_name> names; // but for regular expressions
    position where{};                   // of [tls]
};

} // namespace snipass::config
