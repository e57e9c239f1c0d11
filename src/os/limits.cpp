// SPDX-License-Identifier: BSL-1.0
// What the kernel grants this process: descriptors.
#include "snipass/os/limits.hpp"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <limits>
#include <system_error>

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

std::size_t descriptor_limit() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : std::numeric_limits<std::size_t>::max();
}

std::size_t open_descriptors() {
    struct stat folder {};
    if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) // Linux 6.2: how many there are
        return static_cast<std::size_t>(folder.st_size);
    std::error_code ec;
    const std::filesystem::directory_iterator all{"/proc/self/fd", ec};
    return ec ? 0
              : static_cast<std::size_t>(std::distance(begin(all), end(all))) - 1; // without the folder's own
}

std::size_t physical_memory() {
    const auto pages = ::sysconf(_SC_PHYS_PAGES);
    const auto size = ::sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(size) : 0;
}

void give_back_memory() {
    (void)::malloc_trim(0);
}

} // namespace snipass::os
