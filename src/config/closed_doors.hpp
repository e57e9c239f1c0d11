// SPDX-License-Identifier: BSL-1.0
// Listeners that keep a client out, as `snipass explain` tells of them. Private to config.
#pragma once

#include "snipass/config/explain.hpp"

#include <string>

namespace snipass::config {

// with_closed_doors says in front of what was explained which listeners of the query's its source may not
// come to: such a client goes nowhere.
[[nodiscard]] std::string with_closed_doors(const configuration& configuration, const explain_query& query,
                                            std::string explained);

} // namespace snipass::config
