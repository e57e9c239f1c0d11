// Pipes.
#include "snipass/os/pipe.hpp"

#include "snipass/os/error.hpp"

#include <fcntl.h>

namespace snipass::os {

result<pipe> open_pipe(std::size_t wish) {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        return last_error();
    pipe made{unique_fd{ends[0]}, unique_fd{ends[1]}, 0};
    (void)::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(wish)); // EPERM: it stays as it was made
    const int granted = ::fcntl(ends[1], F_GETPIPE_SZ);
    if (granted <= 0)
        return last_error();
    made.capacity = static_cast<std::size_t>(granted);
    return made;
}

} // namespace snipass::os
