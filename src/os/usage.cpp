// SPDX-License-Identifier: BSL-1.0
// What this process takes of the machine.
#include "snipass/os/usage.hpp"

#include "snipass/os/limits.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace snipass::os {
namespace {

std::chrono::microseconds to_time(const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

} // namespace

usage own_usage() {
    usage own;
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0)
        own.cpu = to_time(used.ru_utime) + to_time(used.ru_stime);
    std::size_t mapped = 0;
    std::size_t resident = 0;
    if (std::ifstream{"/proc/self/statm"} >> mapped >> resident) { // in pages (proc(5))
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        own.mapped = mapped * page;
        own.resident = resident * page;
    }
    own.descriptors = open_descriptors();
    own.max_descriptors = descriptor_limit();
    return own;
}

} // namespace snipass::os
