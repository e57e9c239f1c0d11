// SPDX-License-Identifier: BSL-1.0
// What to say about a text in `names` that is no pattern. Private to route.
#pragma once

#include <string>
#include <string_view>

namespace snipass::route {

// pattern_problem says what is wrong with what does not begin with a slash, and what to write instead.
[[nodiscard]] std::string pattern_problem(std::string_view written);

} // namespace snipass::route
