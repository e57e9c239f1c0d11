// SPDX-License-Identifier: BSL-1.0
// encryption: TLS towards proxied backends, in a program that has it (snipass-tls). The router has none.
#pragma once

#include "snipass/delivery/routed_client.hpp"
#include "snipass/net/task.hpp"

#include <string_view>

namespace snipass::server {

class encryption {
  public:
    encryption() = default;
    virtual ~encryption() = default;
    encryption(const encryption&) = delete;
    encryption& operator=(const encryption&) = delete;

    // encrypt does the handshake over a connection to the backend `to`, and gives what is relayed to in its
    // place: one end of a socket pair, from which what the client says goes on encrypted. `host` is the
    // address's, as written. EPROTO: the backend is not who it should be, and the client's record says why;
    // else what the wait ended with.
    [[nodiscard]] virtual net::task<result<os::unique_fd>>
    encrypt(routed_client& client, os::unique_fd connection, const config::backend_settings& to,
            std::string_view host, net::time_point deadline) = 0;
};

} // namespace snipass::server
