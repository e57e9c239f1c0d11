// SPDX-License-Identifier: BSL-1.0
// Names of users, as this machine knows them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace snipass::os {

// find_user is the number of the user (getpwnam(3)); nullopt: there is no such name. It may ask other
// machines, and wait.
[[nodiscard]] std::optional<std::uint32_t> find_user(const std::string& name);

} // namespace snipass::os
