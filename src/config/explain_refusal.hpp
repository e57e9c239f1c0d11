// SPDX-License-Identifier: BSL-1.0
// What each listener does with a client that no route takes, as `snipass explain` tells it. Private to
// config.
#pragma once

#include "snipass/config/decision.hpp"
#include "snipass/config/explain.hpp"

#include <cstdint>
#include <string>

namespace snipass::config {

// What a client is told that is told something.
struct told {
    std::string alert{};
    std::uint16_t status = 0;
};

// on_each_listener is a line for each listener that the query may be about.
[[nodiscard]] std::string on_each_listener(const configuration& configuration, const explain_query& query,
                                           hello_kind hello, const told& what);

} // namespace snipass::config
