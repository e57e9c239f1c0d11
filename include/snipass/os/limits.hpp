// The process's own limits.
#pragma once

#include <cstddef>

namespace snipass::os {

// raise_descriptor_limit sets RLIMIT_NOFILE (getrlimit(2)) to its hard limit and returns it; the largest size
// if it cannot be known.
std::size_t raise_descriptor_limit();

} // namespace snipass::os
