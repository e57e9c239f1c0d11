// SPDX-License-Identifier: BSL-1.0
// Files that lines are appended to.
#include "snipass/os/appending.hpp"

#include "snipass/os/error.hpp"

#include <fcntl.h>

namespace snipass::os {

result<unique_fd> open_to_append(const std::string& path) {
    constexpr mode_t mode = 0640;
    unique_fd file{
        ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode)};
    if (!file)
        return last_error();
    return file;
}

bool is_full(const error_code& ec) noexcept {
    for (const int one : {ENOSPC, EDQUOT, ENFILE, EMFILE, ENOMEM})
        if (ec == make_error(one))
            return true;
    return false;
}

} // namespace snipass::os
