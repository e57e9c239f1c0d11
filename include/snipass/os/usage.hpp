// SPDX-License-Identifier: BSL-1.0
// usage: what this process takes of the machine.
#pragma once

#include <chrono>
#include <cstddef>

namespace snipass::os {

struct usage {
    std::chrono::microseconds cpu{}; // of all its threads, in the kernel, too
    std::size_t resident = 0;        // bytes; 0 without /proc
    std::size_t mapped = 0;          // the same
    std::size_t descriptors = 0;
    std::size_t max_descriptors = 0;
};

[[nodiscard]] usage own_usage();

} // namespace snipass::os
