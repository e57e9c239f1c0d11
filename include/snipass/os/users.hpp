// SPDX-License-Identifier: BSL-1.0
// Names of users, as this machine knows them.
#pragma once

#include "snipass/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace snipass::os {

// find_user is the number of the user (getpwnam(3)); nullopt: there is no such name. An error: nobody knows,
// because what has the names could not be asked. It may ask other machines, and wait.
[[nodiscard]] result<std::optional<std::uint32_t>> find_user(const std::string& name);

} // namespace snipass::os
