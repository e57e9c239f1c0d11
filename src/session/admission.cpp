// SPDX-License-Identifier: BSL-1.0
// Whether a client may come at all.
#include "snipass/session/admission.hpp"

#include <chrono>

namespace snipass::server {

std::optional<outcome> turn_away(record& about, const configuration_snapshot& snapshot,
                                 const config::listener_settings& listener) {
    const auto& limits = *listener.admission;
    if (const auto why = limits.why_denied(about.client.address); !why.empty()) {
        about.detail = why;
        return outcome::denied;
    }
    if (!limits.limits_rates())
        return std::nullopt;
    // Behind a balancer it was accepted a while ago.
    const auto now = about.via ? net::clock::now() : about.accepted;
    const auto why =
        snapshot.arrivals_at(listener).why_too_often(about.client.address, limits, now.time_since_epoch());
    if (why.empty())
        return std::nullopt;
    about.detail = why;
    return outcome::rate_limited;
}

} // namespace snipass::server
