// SPDX-License-Identifier: BSL-1.0
// is_removed: whether a reload ends the sessions of a backend.
#pragma once

#include "snipass/config/configuration.hpp"

#include <string_view>

namespace snipass::config {

// is_removed: `now` drops a backend that is proxied with the settings `of`, or its address (as written;
// empty: any), and these settings say that its sessions end then (on_remove = "close").
[[nodiscard]] bool is_removed(const backend_settings& of, std::string_view address, const configuration& now);

} // namespace snipass::config
