// SPDX-License-Identifier: BSL-1.0
// What strangers, and backends that may not, have sent along: open files whose end may take its time. Of a
// memory file of 2 GB it takes a third of a second and more, in the thread that gives up the last copy; of a
// file system in user space it may take for ever.
#pragma once

#include "snipass/os/unique_fd.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace snipass::net {

// turn_away closes a connection from which nothing was received. Where descriptors lie in it, another thread
// does that. `party` is any number that is the sender's own: what one has sent is closed one after the
// other, so that it holds up nobody else's. `account` is let go of when all are closed.
void turn_away(os::unique_fd connection, std::uint64_t party, std::shared_ptr<void> account = {});

// close_elsewhere closes descriptors that came from `party`, in another thread.
void close_elsewhere(std::span<const int> descriptors, std::uint64_t party);

} // namespace snipass::net
