// SPDX-License-Identifier: BSL-1.0
// status_json: a status as programs read it, and the page.
#pragma once

#include "snipass/operating/history.hpp"
#include "snipass/operating/status.hpp"

#include <string>

namespace snipass::server {

// to_json is one object. What a client sent is escaped and cut in it, as it is in the log.
[[nodiscard]] std::string to_json(const status& now, const history& past);

} // namespace snipass::server
