// SPDX-License-Identifier: BSL-1.0
// A pipe for splice(2), as large as the kernel allows.
#include "snipass/os/pipe.hpp"

#include "snipass/os/error.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <utility>

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

result<pipe> adopt_pipe(unique_fd read_end, unique_fd write_end, std::size_t size) {
    const int granted = ::fcntl(write_end.get(), F_GETPIPE_SZ);
    int there = 0;
    if (granted <= 0 || ::fcntl(read_end.get(), F_GETPIPE_SZ) != granted ||
        ::ioctl(read_end.get(), FIONREAD, &there) != 0 || static_cast<std::size_t>(there) != size)
        return make_error(EINVAL);
    return pipe{std::move(read_end), std::move(write_end), static_cast<std::size_t>(granted)};
}

} // namespace snipass::os
