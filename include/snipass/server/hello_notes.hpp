// hello_notes: what a session remembers of its client's hello, for the log and for the headers it sends on.
#pragma once

#include "snipass/base/host_name.hpp"
#include "snipass/tls/client_hello.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace snipass::server {

// Thousands of idle proxied sessions have one each.
struct hello_notes {
    std::optional<std::string> server_name; // as sent, not escaped
    std::string host_name;                  // the same as a host name; empty if it is none
    std::string alpn;                       // the entries of the client's offer, as alpn_list holds them

    // With [log] hello = true only: some microseconds a session.
    struct details {
        std::vector<std::string> versions; // "TLS 1.3"; GREASE values (RFC 8701) left out here and below
        std::vector<std::string> groups;   // of the key shares: "x25519"
        bool ech = false;                  // an encrypted_client_hello of the outer kind, real or GREASE
        std::string ja4;
    };
    std::unique_ptr<details> more;
};

// take_notes copies what has to outlive the hello. Lists are cut where they would make a log line endless:
// the offer after 256 bytes, the others after 16 entries.
[[nodiscard]] hello_notes take_notes(const tls::client_hello& hello, const std::optional<host_name>& name,
                                     bool with_details);

} // namespace snipass::server
