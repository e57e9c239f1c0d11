// SPDX-License-Identifier: BSL-1.0
// remarks: what a good file asks for, and does not get now.
#pragma once

#include "snipass/config/parse.hpp"
#include "snipass/telling/log.hpp"

#include <optional>
#include <vector>

namespace snipass::server {

// what_takes_a_restart: keys of `next` that are not as at the start. Each is said once for each change, and
// not where the file has become what it was at the start.
[[nodiscard]] std::vector<config::diagnostic> what_takes_a_restart(const config::server_settings& start,
                                                                   const config::server_settings& before,
                                                                   const config::server_settings& next);

// what_is_missing here for what the file asks for, at the first place that does.
[[nodiscard]] std::optional<config::diagnostic> what_is_missing(const config::configuration& file);

// prepare_log opens what the file has the log written to. A diagnostic: it cannot be opened.
[[nodiscard]] std::optional<config::diagnostic> prepare_log(log& log, const config::configuration& file);

} // namespace snipass::server
