// SPDX-License-Identifier: BSL-1.0
// Whether what a process writes comes to systemd's journal.
#include "snipass/os/journal.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <string>

namespace snipass::os {

// A program that was started by a service and had its standard error redirected has the variable as well.
bool is_journal(int fd) noexcept {
    const char* const stream = std::getenv("JOURNAL_STREAM");
    struct stat file {};
    if (stream == nullptr || ::fstat(fd, &file) != 0)
        return false;
    return std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino) == stream;
}

} // namespace snipass::os
