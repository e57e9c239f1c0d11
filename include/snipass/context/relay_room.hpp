// SPDX-License-Identifier: BSL-1.0
// relay_room: the bounds on clients that are relayed.
#pragma once

#include "snipass/base/source_shares.hpp"
#include "snipass/telling/outcome.hpp"

#include <cstddef>
#include <optional>

namespace snipass::server {

// relay_room knows one worker's relayed clients, and what each source has of them (source_shares).
class relay_room {
  public:
    // set_limits: they hold for those who come from now on.
    void set_limits(std::size_t total, std::size_t per_source) noexcept;

    // why_not: the outcome of a client of `source` that may not be relayed; none: it may.
    [[nodiscard]] std::optional<outcome> why_not(const ip_address& source);

    // enter takes one that may. Where it is one more than there is room for, the newest of the largest source
    // has left for it, and is returned.
    [[nodiscard]] source_shares::place* enter(source_shares::place& one, const ip_address& source) {
        return places_.enter(one, source);
    }

    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }

  private:
    source_shares places_;
    std::size_t per_source_ = 1;
};

} // namespace snipass::server
