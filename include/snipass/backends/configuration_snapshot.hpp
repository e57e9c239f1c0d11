// SPDX-License-Identifier: BSL-1.0
// configuration_snapshot: what one worker has of one configuration.
#pragma once

#include "snipass/backends/backend.hpp"
#include "snipass/config/configuration.hpp"

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace snipass::server {

class terminator; // snipass/session/terminator.hpp

// configuration_snapshot is the shared configuration and this worker's own state of its backends. Sessions
// keep the snapshot they began with; a reload gives the worker a new one.
struct configuration_snapshot {
    configuration_snapshot(std::shared_ptr<const config::configuration> snapshot, unsigned workers,
                           address_book& book, pending_room& room,
                           std::shared_ptr<terminator> ends_tls = nullptr,
                           std::shared_ptr<tally> counts = nullptr);

    std::shared_ptr<const config::configuration> config;
    std::shared_ptr<server::terminator> terminator; // null in the router
    std::shared_ptr<tally> counts;                  // null without [metrics]
    std::vector<std::unique_ptr<backend>> backends; // by index, as in the configuration

    std::vector<std::shared_ptr<arrivals>> arrived; // by index of the listener; null: it limits no rate

    // arrivals_at is of a listener of the configuration that limits a rate.
    [[nodiscard]] arrivals& arrivals_at(const config::listener_settings& listener) const noexcept {
        return *arrived[static_cast<std::size_t>(&listener - config->listeners.data())];
    }

    // counters_of is where clients of that listener, one of the configuration's, are counted; null: nowhere.
    [[nodiscard]] outcome_counters* counters_of(const config::listener_settings& listener) const noexcept {
        return counts ? &counts->listeners[static_cast<std::size_t>(&listener - config->listeners.data())]
                      : nullptr;
    }
    // The same for whoever has kept a view of the listener's address.
    [[nodiscard]] outcome_counters* counters_of(std::string_view address) const noexcept {
        if (!counts)
            return nullptr;
        for (const auto& one : config->listeners)
            if (one.address.data() == address.data())
                return counters_of(one);
        return nullptr;
    }
};

// share is one worker's part of a bound that the file gives for all of them: an equal one, rounded up, but at
// least 16, or the whole of a smaller bound. Clients come to the workers in small groups (process/listener),
// so an equal part of a small number would be too little for some.
[[nodiscard]] std::size_t share(std::size_t bound, unsigned workers) noexcept;

} // namespace snipass::server
