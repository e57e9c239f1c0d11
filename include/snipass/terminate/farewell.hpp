// SPDX-License-Identifier: BSL-1.0
// farewell: how long a client is kept to whom all is said.
#pragma once

#include "snipass/net/event_loop.hpp"

#include <optional>

namespace snipass::terminate {

// A socket that is closed with bytes unread answers RST, which overtakes what was sent. So a client that has
// been told the end gets time to take it, and as long as it takes bytes, more; what it says meanwhile is
// thrown away.
class farewell {
  public:
    // look throws away what has come from `client`, and says when to look again. None: it may be closed.
    [[nodiscard]] std::optional<net::time_point> look(int client, net::time_point now);

  private:
    int unsent_ = 0;             // at the last look
    net::time_point progress_{}; // when it last was another number
    std::optional<net::time_point> since_;
};

} // namespace snipass::terminate
