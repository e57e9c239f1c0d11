// SPDX-License-Identifier: BSL-1.0
// Files that lines are appended to.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"

#include <string>

namespace snipass::os {

// open_to_append opens a file, or makes it (mode 0640, less the umask). It waits for nobody: a FIFO without a
// reader is ENXIO.
[[nodiscard]] result<unique_fd> open_to_append(const std::string& path);

// is_full: there is no room now, be it for bytes, files or descriptors, and there may be at another time.
[[nodiscard]] bool is_full(const error_code& ec) noexcept;

} // namespace snipass::os
