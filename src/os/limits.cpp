// The process's own limits.
#include "snipass/os/limits.hpp"

#include <sys/resource.h>

#include <limits>

namespace snipass::os {

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return std::numeric_limits<std::size_t>::max(); // a sandbox may forbid to ask
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit); // up to the hard limit it needs no privilege
    (void)::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

} // namespace snipass::os
