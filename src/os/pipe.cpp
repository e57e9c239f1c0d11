// SPDX-License-Identifier: BSL-1.0
// A pipe for splice(2), as large as the kernel allows.
#include "snipass/os/pipe.hpp"

#include "snipass/os/error.hpp"

#include <fcntl.h>

namespace snipass::os {

namespace {

// A pipe has this capacity when it is made, or less for a user who has many (pipe(7)).
constexpr std::size_t usual_capacity = 64U << 10;

} // namespace

result<pipe> open_pipe(std::size_t wish) {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        return last_error();
    pipe made{unique_fd{ends[0]}, unique_fd{ends[1]}, 0};
    // EPERM: too large for this user (pipe-max-size), or together with the others (pipe-user-pages-soft).
    while (wish != usual_capacity && ::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(wish)) < 0 &&
           wish > usual_capacity)
        wish /= 2;
    const int granted = ::fcntl(ends[1], F_GETPIPE_SZ);
    if (granted <= 0)
        return last_error();
    made.capacity = static_cast<std::size_t>(granted);
    return made;
}

} // namespace snipass::os
