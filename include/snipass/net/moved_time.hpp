// SPDX-License-Identifier: BSL-1.0
// moved_time: a time as the next process gets it. The clock is the machine's, so it goes on there.
#pragma once

#include "snipass/net/event_loop.hpp"
#include "snipass/upgrade/state.hpp"

#include <chrono>

namespace snipass::net {

[[nodiscard]] inline upgrade::time to_moved(time_point when) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
}

[[nodiscard]] inline time_point from_moved(upgrade::time when) {
    return time_point{std::chrono::duration_cast<clock::duration>(std::chrono::nanoseconds{when})};
}

} // namespace snipass::net
