// SPDX-License-Identifier: BSL-1.0
// changes: what a reload changes, for whoever asked for it.
#pragma once

#include "snipass/config/configuration.hpp"

#include <string>
#include <vector>

namespace snipass::config {

// changes lists the tables, listeners, routes and backends that are "added", "removed" or "altered", a line
// each: those of one kind in the order of the file, [default], and whether routes stand in another order. A
// route is known by its first name. Of very many lines the last one says how many are left out.
[[nodiscard]] std::vector<std::string> changes(const configuration& before, const configuration& now);

} // namespace snipass::config
