// SPDX-License-Identifier: BSL-1.0
// Listeners that keep a client out, as `snipass explain` tells of them. Private to config.
#pragma once

#include "snipass/config/explain.hpp"

#include <string>

namespace snipass::config {

// closed_doors has a line for each listener of the query's that its source may not come to.
[[nodiscard]] std::string closed_doors(const configuration& configuration, const explain_query& query);

} // namespace snipass::config
