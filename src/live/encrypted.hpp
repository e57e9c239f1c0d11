// SPDX-License-Identifier: BSL-1.0
// encrypted: TLS towards a backend (`backend_tls`), as snipass-tls speaks it. Private to live.
#pragma once

#include "reach.hpp"
#include "snipass/certificates/authorities.hpp"
#include "snipass/certificates/load.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/terminate/contexts.hpp"
#include "snipass/terminate/trust.hpp"

#include <string>
#include <vector>

namespace snipass::live {

// encrypted has what such connections are made of. It reads those files when it is made: later this process
// is the router's user, who may not read snipass-tls's key.
class encrypted {
  public:
    explicit encrypted(const config::configuration& file);

    // why_not is why nobody can shake hands with that backend as snipass-tls would. Empty: it can be done.
    [[nodiscard]] std::string why_not(const config::backend_settings& to) const;

    // shake wants a certificate for `name`, and `protocol`; why_not() has been asked.
    [[nodiscard]] tried shake(os::unique_fd connection, const config::backend_settings& to,
                              const std::string& name, const std::string& protocol) const;

  private:
    certificates::loaded_authorities authorities_;
    certificates::loaded_shown shown_;
    std::vector<config::diagnostic> problems_;
    terminate::trust known_;
    terminate::backend_contexts contexts_;
};

} // namespace snipass::live
