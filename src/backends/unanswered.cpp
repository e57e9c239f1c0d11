// SPDX-License-Identifier: BSL-1.0
// What backends leave in their queues.
#include "snipass/backends/unanswered.hpp"

#include "snipass/os/buffers.hpp"

#include <algorithm>
#include <utility>

namespace snipass::server {

void unanswered::allow(std::size_t most, std::size_t channels) noexcept {
    most_ = most;
    part_ = std::max<std::size_t>(most / std::max<std::size_t>(channels, 1), 1);
}

unanswered::one::one(unanswered& all, const ip_address& source, std::size_t clients)
    : all_(all), clients_(clients) {
    if (all_.counts_sources()) {
        const std::lock_guard lock{all_.mutex_};
        (void)all_.shares_.enter(place_, source); // without a limit
    }
    all_.size_.fetch_add(clients_, std::memory_order_relaxed);
}

unanswered::one::~one() {
    all_.size_.fetch_sub(clients_, std::memory_order_relaxed);
    if (!place_.is_in())
        return;
    const std::lock_guard lock{all_.mutex_};
    place_.leave();
}

std::optional<outcome> unanswered::why_not(const ip_address& source) {
    if (!counts_sources())
        return std::nullopt;
    if (!has_room())
        return outcome::backend_overdue;
    const std::lock_guard lock{mutex_};
    const auto free = most_ - std::min<std::size_t>(size_, most_);
    if (shares_.places_with_one_more(source) > std::max<std::size_t>(free / part_of_a_source, 1))
        return outcome::backend_overdue_source;
    return std::nullopt;
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
