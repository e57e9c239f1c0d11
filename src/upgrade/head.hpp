// SPDX-License-Identifier: BSL-1.0
// How a state begins. Private to upgrade.
#pragma once

#include <string_view>

namespace snipass::upgrade {

inline constexpr std::string_view magic{"snipass\n", 8};

} // namespace snipass::upgrade
