// SPDX-License-Identifier: BSL-1.0
// `snipass check`: what is wrong with a file.
#pragma once

#include <string>

namespace snipass::commands {

// check prints every mistake and returns the exit status.
[[nodiscard]] int check(const std::string& file);

// check_live does so, and then becomes snipass-tls, which speaks TLS, and tries the backends (live/check).
[[nodiscard]] int check_live(const std::string& file, const std::string& user);

} // namespace snipass::commands
