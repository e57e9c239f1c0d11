// SPDX-License-Identifier: BSL-1.0
// How much of a log waits in memory. Private to telling.
#pragma once

#include <algorithm>
#include <cstddef>

namespace snipass::server {

// An entry is one event, or a batch of session lines. However small it is, it is counted as `least_cost`
// bytes, so that there are never more entries than a queue has room for. Some of the bytes are kept for
// events.
inline constexpr std::size_t queue_size = 4096;
inline constexpr std::size_t most_bytes = 8 << 20;
inline constexpr std::size_t most_bytes_of_sessions = most_bytes - (1 << 20);
inline constexpr std::size_t least_cost = most_bytes / queue_size;

[[nodiscard]] constexpr std::size_t cost_of(std::size_t size) noexcept {
    return std::max(size, least_cost);
}

} // namespace snipass::server
