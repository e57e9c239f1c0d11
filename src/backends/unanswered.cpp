// SPDX-License-Identifier: BSL-1.0
// What backends leave in their queues.
#include "snipass/backends/unanswered.hpp"

#include "snipass/os/tcp.hpp"

#include <algorithm>
#include <utility>

namespace snipass::server {

void unanswered::allow(std::size_t most, std::size_t channels) noexcept {
    most_ = most;
    part_ = std::max<std::size_t>(most / std::max<std::size_t>(channels, 1), 1);
}

void unanswered::leave_behind(os::unique_fd socket, std::size_t datagrams) {
    if (!socket || os::unsent(socket.get()) == 0)
        return;
    const std::lock_guard lock{mutex_};
    left_.push_back({std::move(socket), datagrams});
    size_ += datagrams;
}

// A queue that was read, or is gone with its process, holds nothing of ours any more.
bool unanswered::frees_room() {
    const std::lock_guard lock{mutex_};
    std::erase_if(left_, [this](const left& which) {
        const bool is_empty = os::unsent(which.socket.get()) == 0;
        if (is_empty)
            size_ -= which.datagrams;
        return is_empty;
    });
    return size() < most_;
}

} // namespace snipass::server
