// SPDX-License-Identifier: BSL-1.0
// include = ["routes.d/*.toml"]: the files that a file has besides. Private to config.
#pragma once

#include "document.hpp"
#include "findings.hpp"

#include <string>
#include <vector>

namespace snipass::config {

// included is what a file includes: all files, with the trees of those that could be read. Positions in them
// have the number of their file, counted from 1.
struct included {
    std::vector<std::string> names;   // as they are shown
    std::vector<std::string> folders; // in which a reload looks for them, in this one or deeper down
    std::vector<members> roots;
    std::vector<std::string> denied; // files and folders that may not be read
};

// read_included reads what `root`, the tree of `file`, includes. Where anything is wrong with that, nothing
// else is known: what is missing may be in a file that could not be read.
[[nodiscard]] included read_included(const members& root, const std::string& file, findings& findings);

} // namespace snipass::config
