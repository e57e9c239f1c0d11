// SPDX-License-Identifier: BSL-1.0
// id_source: the names of one thread's sessions.
#pragma once

#include "snipass/proxy_protocol/header.hpp"

namespace snipass::server {

// id_source gives each session a name of its own: 8 random bytes for the thread, then 8 that count.
class id_source {
  public:
    id_source();

    [[nodiscard]] proxy_protocol::unique_id next() noexcept;

  private:
    proxy_protocol::unique_id last_{};
};

} // namespace snipass::server
