// The process's own limits.
#include "snipass/os/limits.hpp"

#include <sys/resource.h>

namespace snipass::os {

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    (void)::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit); // up to the hard limit it needs no privilege
    (void)::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

} // namespace snipass::os
