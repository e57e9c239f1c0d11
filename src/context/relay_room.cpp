// SPDX-License-Identifier: BSL-1.0
// The bounds on relayed clients, all of them and of one source.
#include "snipass/context/relay_room.hpp"

namespace snipass::server {

void relay_room::set_limits(std::size_t total, std::size_t per_source) noexcept {
    places_.set_limit(total);
    per_source_ = per_source;
}

std::optional<outcome> relay_room::why_not(const ip_address& source) {
    if (!places_.has_room_for(source))
        return outcome::max_relayed;
    if (places_.size() >= per_source_ && places_.places_with_one_more(source) > per_source_)
        return outcome::max_relayed_source;
    return std::nullopt;
}

} // namespace snipass::server
