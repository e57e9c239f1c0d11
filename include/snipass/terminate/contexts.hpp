// SPDX-License-Identifier: BSL-1.0
// contexts: the certificates of one configuration, as OpenSSL serves them.
#pragma once

#include "snipass/base/host_name.hpp"
#include "snipass/certificates/choice.hpp"
#include "snipass/certificates/load.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/terminate/openssl.hpp"
#include "snipass/terminate/tickets.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace snipass::terminate {

// contexts are made once for a configuration, shared by all workers, and not changed. A client's is chosen
// before OpenSSL sees its first byte: the hello was read already, and what is in the socket cannot change.
// (OpenSSL has a callback for the choice, for servers that do not know the name yet. A second hello, behind a
// HelloRetryRequest, changes nothing.)
class contexts {
  public:
    // `keys` outlive the contexts. Told of in `problems`: what OpenSSL does not take of a certificate.
    // `may_offload`: some connections may become kernel clients, so OpenSSL tells their secrets.
    contexts(std::vector<certificates::certificate> all, const config::tls_settings& settings,
             ticket_keys& keys, bool may_offload, std::vector<config::diagnostic>& problems);

    // find: null, there is no certificate for the name, nor a default one.
    [[nodiscard]] SSL_CTX* find(const std::optional<host_name>& name) const;

  private:
    certificates::choice choice_;
    std::vector<ssl_context_ptr> by_offer_; // in the order of choice_.offers()
};

// backend_contexts are what connections to backends are made of; whom each believes is its own matter. They
// are made once for a configuration, too.
class backend_contexts {
  public:
    // `shown`: by its name, what a backend is shown that asks for a certificate. Told of in `problems`: what
    // OpenSSL does not take of one.
    backend_contexts(const std::map<std::string, certificates::certificate>& shown,
                     std::vector<config::diagnostic>& problems);

    [[nodiscard]] SSL_CTX& of(const std::string& backend) const;

  private:
    ssl_context_ptr plain_; // of the others
    std::map<std::string, ssl_context_ptr> by_backend_;
};

} // namespace snipass::terminate
