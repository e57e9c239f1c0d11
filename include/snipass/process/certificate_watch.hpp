// SPDX-License-Identifier: BSL-1.0
// certificate_watch: what is known of the certificates: in snipass-tls its own, in the router what that says.
#pragma once

#include "snipass/config/tls_settings.hpp"
#include "snipass/operating/certificate_state.hpp"
#include "snipass/operating/status.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <optional>
#include <vector>

namespace snipass::server {

class certificate_watch {
  public:
    // serves: none, it is the router.
    void serves(std::optional<std::vector<certificate_state>> certificates);
    [[nodiscard]] bool are_own() const noexcept { return own_.has_value(); }

    // look asks snipass-tls, for so long at most. Who comes while it is asked has the answer before.
    [[nodiscard]] boost::asio::awaitable<void>
    look(boost::asio::io_context& io, const config::tls_settings& tls, std::chrono::milliseconds patience);

    // now: none, snipass-tls does not answer. `own`: what became of this process's last reload.
    [[nodiscard]] std::optional<tls_state> now(const reload_status& own) const;

  private:
    std::optional<certificate_list> own_;
    std::optional<tls_state> heard_;
    bool is_asking_ = false;
};

} // namespace snipass::server
