// SPDX-License-Identifier: BSL-1.0
// service: the terminator of one configuration.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/session/terminator.hpp"
#include "snipass/terminate/contexts.hpp"
#include "snipass/terminate/trust.hpp"

#include <utility>

namespace snipass::terminate {

// service does handshakes with the certificates of one configuration. All workers share it, and nothing in it
// changes; what a worker has of its own (who shakes hands, who is relayed) is in its context.
class service final : public server::terminator {
  public:
    service(contexts known, backend_contexts towards_backends, trust clients,
            const config::tls_settings& settings)
        : contexts_(std::move(known)), towards_backends_(std::move(towards_backends)),
          clients_(std::move(clients)), handshake_timeout_(settings.handshake_timeout) {}

    [[nodiscard]] net::task<std::variant<server::outcome, std::unique_ptr<server::in_clear>>>
    terminate(server::unrouted_client& client, const config::backend_settings& to) override;

    [[nodiscard]] net::task<result<os::unique_fd>>
    encrypt(server::routed_client& client, os::unique_fd connection, const config::backend_settings& to,
            std::string_view host, net::time_point deadline) override;

  private:
    contexts contexts_;
    backend_contexts towards_backends_;
    trust clients_;
    config::milliseconds handshake_timeout_;
};

} // namespace snipass::terminate
