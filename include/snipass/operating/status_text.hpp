// SPDX-License-Identifier: BSL-1.0
// status_text: a status as people read it on a terminal.
#pragma once

#include "snipass/operating/status.hpp"

#include <string>

namespace snipass::server {

// to_text has what a client sent escaped and cut, as the log has it.
[[nodiscard]] std::string to_text(const status& now, bool in_colour);

} // namespace snipass::server
