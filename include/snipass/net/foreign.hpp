// SPDX-License-Identifier: BSL-1.0
// What strangers, and backends that may not, have sent along: open files whose end may take its time. Of a
// memory file of 2 GB it takes a third of a second and more, in the thread that gives up the last copy.
#pragma once

#include "snipass/os/unique_fd.hpp"

#include <span>

namespace snipass::net {

// turn_away closes a connection from which nothing was received. Where descriptors lie in it, another thread
// does that.
void turn_away(os::unique_fd connection);

// close_elsewhere closes descriptors that came from a stranger, in another thread.
void close_elsewhere(std::span<const int> descriptors);

} // namespace snipass::net
