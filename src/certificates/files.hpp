// SPDX-License-Identifier: BSL-1.0
// Where the files of certificates are. Private to certificates.
#pragma once

#include "snipass/config/configuration.hpp"

#include <string>
#include <system_error>
#include <vector>

namespace snipass::certificates {

// A chain and its key, which may be one file.
struct file_pair {
    std::string chain;
    std::string key;
};

// found is what a source came to; `problem` is what is wrong with it as a whole.
struct found_files {
    std::vector<file_pair> pairs;
    std::string problem{};
    std::error_code why{}; // of `problem`, where a system call failed
};

// find_files looks what there is: a folder's fullchain.pem and privkey.pem, a file with both, or all that a
// pattern fits.
[[nodiscard]] found_files find_files(const config::certificate_source& source);

// in_credentials is a path as the file system has it. Empty: systemd has passed no credentials.
[[nodiscard]] std::string in_credentials(const std::string& path);

// What is said then. systemd passes them to the unit that names them, and to no `snipass check`, which is as
// good as a file that this user may not read.
inline constexpr const char* no_credentials =
    ": systemd has passed no credentials to this process (LoadCredential=)";
[[nodiscard]] std::error_code is_for_another();

} // namespace snipass::certificates
