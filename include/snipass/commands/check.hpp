// SPDX-License-Identifier: BSL-1.0
// `snipass check`: what is wrong with a file.
#pragma once

#include <string>

namespace snipass::commands {

// check prints every mistake and returns the exit status.
[[nodiscard]] int check(const std::string& file);

} // namespace snipass::commands
