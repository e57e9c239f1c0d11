// SPDX-License-Identifier: BSL-1.0
// The exit statuses of commands.
#pragma once

#include "snipass/config/parse.hpp"

namespace snipass::commands {

inline constexpr int exit_success = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_mistake = 2;   // in the file, or in what was asked
inline constexpr int exit_no_router = 3; // none runs that could be asked

[[nodiscard]] inline int status_of(const config::parsed& file) {
    if (file.value)
        return exit_success;
    return file.is_mistaken() ? exit_mistake : exit_failure;
}

} // namespace snipass::commands
