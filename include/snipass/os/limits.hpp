// SPDX-License-Identifier: BSL-1.0
// limits: what the kernel grants this process.
#pragma once

#include <cstddef>

namespace snipass::os {

// raise_descriptor_limit sets RLIMIT_NOFILE (getrlimit(2)) to its hard limit and returns it; the largest size
// if it cannot be known.
std::size_t raise_descriptor_limit();

// descriptor_limit is RLIMIT_NOFILE as it is.
[[nodiscard]] std::size_t descriptor_limit();

// open_descriptors counts the process's own (proc(5), /proc/self/fd); 0 if it cannot be known.
[[nodiscard]] std::size_t open_descriptors();

// give_back_memory: what was freed, and is kept for the next allocation, goes back to the kernel
// (malloc_trim(3)).
void give_back_memory();

// physical_memory is the machine's, in bytes; 0 if it cannot be known.
[[nodiscard]] std::size_t physical_memory();

} // namespace snipass::os
