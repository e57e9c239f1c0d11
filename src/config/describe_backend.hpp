// SPDX-License-Identifier: BSL-1.0
// A backend as `snipass explain` tells of it. Private to config.
#pragma once

#include "snipass/base/quoted.hpp"
#include "snipass/config/configuration.hpp"

#include <algorithm>
#include <string>

namespace snipass::config {

// listed joins the first few of a list.
template <class List, class Text>
std::string listed(const List& list, Text&& text) {
    constexpr std::size_t most_listed = 8;
    std::string joined;
    for (std::size_t i = 0; i < std::min(list.size(), most_listed); ++i)
        joined += (i > 0 ? ", " : "") + std::string(text(list[i]));
    if (list.size() > most_listed)
        joined += " and " + std::to_string(list.size() - most_listed) + " more";
    return joined;
}

// at_line is where something stands: "snipass.toml:12".
[[nodiscard]] std::string at_line(const configuration& configuration, position where);

// describe_backend says where its clients go, and what becomes of those that it does not take: a line for it,
// and one for each backend that `sorry` leads to (they make no ring). is_consumed: of clients whose first
// bytes are no longer in their socket, whom not every backend can have.
[[nodiscard]] std::string describe_backend(const configuration& configuration,
                                           const backend_settings& backend, bool is_consumed);

} // namespace snipass::config
