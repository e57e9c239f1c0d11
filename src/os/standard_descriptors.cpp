// SPDX-License-Identifier: BSL-1.0
// Descriptors 0 to 2.
#include "snipass/os/standard_descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <iostream>

namespace snipass::os {

void open_standard_descriptors() noexcept {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0)
            continue;
        // Each is the lowest number that is free, so it is the one that is missing. Without a /dev/null (a
        // bare chroot) the number is taken all the same: what is written there fails.
        if (::open("/dev/null", O_RDWR) < 0)
            (void)::open("/", O_PATH);
    }
}

int end_of_output(int status) {
    std::cout.flush();
    if (std::cout)
        return status;
    std::cerr << "standard output cannot be written to: what was to be said is lost\n";
    return status == 0 ? 1 : status;
}

} // namespace snipass::os
