// SPDX-License-Identifier: BSL-1.0
// allowed_user: a user of this machine, as the file names one.
#pragma once

#include "snipass/config/position.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace snipass::config {

struct allowed_user {
    std::string name; // as written: a user's name or number
    position where;
    std::optional<std::uint32_t> id; // of a name, once the file was loaded
};

} // namespace snipass::config
