// SPDX-License-Identifier: BSL-1.0
// What `snipass check` prints.
#pragma once

#include "snipass/config/parse.hpp"

#include <string>
#include <string_view>

namespace snipass::config {

// contents counts what is in a configuration.
[[nodiscard]] std::string contents(const configuration& configuration);

// check_report is each diagnostic on a line, and a summary line, if there was anything to check.
[[nodiscard]] std::string check_report(const parsed& parsed, std::string_view file);

} // namespace snipass::config
