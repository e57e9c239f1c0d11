// SPDX-License-Identifier: BSL-1.0
// admission: whether a client may come at all (allow, deny, max_rate_per_source, max_rate).
#pragma once

#include "snipass/backends/configuration_snapshot.hpp"
#include "snipass/session/hearing.hpp"
#include "snipass/telling/record.hpp"

#include <optional>

namespace snipass::server {

// turn_away judges a client by its own address: whoever stands in front has said it, if anybody does. None:
// it may come, and is counted. An outcome: it may not, and the record's detail has the key that says so.
[[nodiscard]] std::optional<outcome> turn_away(record& about, const configuration_snapshot& snapshot,
                                               const config::listener_settings& listener);

// goes_round: a client that came by handoff was handed over so often that routers hand it to each other.
[[nodiscard]] bool goes_round(const unrouted_client& client);

} // namespace snipass::server
