// SPDX-License-Identifier: BSL-1.0
// clear_text_notes: what a session remembers of its client's handshake, in a program that ends TLS.
#pragma once

#include "snipass/net/relay.hpp"
#include "snipass/telling/request_notes.hpp"

#include <optional>
#include <string>

namespace snipass::server {

struct clear_text_notes {
    std::string version;  // "TLSv1.3"
    std::string cipher;   // "TLS_AES_128_GCM_SHA256"
    std::string protocol; // chosen by ALPN; empty: none
    bool is_resumed = false;
    bool is_in_kernel = false;                 // which has the keys; otherwise it is relayed
    std::optional<net::relay_result> result{}; // of what was relayed, once that has ended
    std::optional<std::string> client_name{};  // of a client's certificate that is good: its common name
    std::optional<request_notes> request{};    // the first one, where the backend is told of it
    std::string host{};                        // of that request, as sent
};

} // namespace snipass::server
