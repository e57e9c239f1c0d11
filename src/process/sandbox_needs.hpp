// SPDX-License-Identifier: BSL-1.0
// Folders in which the sandbox lets files be read. Private to process.
#pragma once

#include "snipass/config/parse.hpp"

#include <set>
#include <string>
#include <string_view>

namespace snipass::server {

// add_folders_of adds the folder of a file. The file may be a link, and so may its folder (a deployment that
// switches between two).
void add_folders_of(const std::string& file, std::set<std::string>& to);

[[nodiscard]] bool is_below(const std::string& folder, const std::string& top);

// closed_to is what is said of what the sandbox has no room for.
[[nodiscard]] config::diagnostic closed_to(config::position where, const std::string& what,
                                           std::string_view program);

} // namespace snipass::server
