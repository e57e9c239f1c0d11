// SPDX-License-Identifier: BSL-1.0
// Landlock: a process gives up what it does not need (landlock(7)).
#pragma once

#include "snipass/base/result.hpp"

#include <cstdint>
#include <set>
#include <string>

namespace snipass::os {

// What a confined process may do all the same. Files that are open already stay so, and unix sockets at a
// path can be connected to.
struct landlock_rules {
    std::set<std::string>
        readable; // files, and folders with all that is below; one that is not there is skipped
    std::set<std::string> socket_folders; // in which unix sockets are made and removed
    std::set<std::string> log_folders;    // in which files are made and written to
    std::set<std::uint16_t> bind;         // TCP ports; 0: any port that the kernel chooses
    std::set<std::uint16_t> connect;      // TCP ports
    bool abstract_sockets = false;        // connections to unix sockets of others in the abstract namespace
};

// What the kernel knows of it (landlock_create_ruleset(2), LANDLOCK_CREATE_RULESET_VERSION).
enum landlock_abi : int {
    landlock_files = 1,
    landlock_moves = 2,  // Linux 5.19: files between folders
    landlock_ports = 4,  // Linux 6.7
    landlock_scopes = 6, // Linux 6.12: signals, abstract sockets
};

// landlock_version is the kernel's ABI; 0: there is none.
[[nodiscard]] int landlock_version() noexcept;

// restrict_by_landlock confines the calling thread and all that it starts from now on, for ever, as far as
// the kernel can. It also gives up to gain privileges by execve(2).
[[nodiscard]] error_code restrict_by_landlock(const landlock_rules& rules);

} // namespace snipass::os
