// SPDX-License-Identifier: BSL-1.0
// What a TOML syntax error means to somebody who does not know TOML. Private to config.
#pragma once

#include "snipass/config/parse.hpp"

#include <string_view>

namespace snipass::config {

// explain_syntax_error says what is wrong at `where`, and what to write. `said` is what the TOML reader calls
// it.
[[nodiscard]] diagnostic explain_syntax_error(std::string_view text, std::string_view said, position where);

} // namespace snipass::config
