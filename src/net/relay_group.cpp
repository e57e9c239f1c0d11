// SPDX-License-Identifier: BSL-1.0
// One thread's relays.
#include "snipass/net/relay_group.hpp"

#include <algorithm>

namespace snipass::net {
namespace {

// As much as a chunk that is copied has at most: what fills it is bulk, and is spliced.
constexpr std::size_t buffer_size = 64U << 10;

// So many bytes of bulk pass between two looks at what else is ready: a fraction of a millisecond's work.
constexpr std::size_t bytes_in_a_row = 1U << 20;

// Empty pipes are closed when there has been no relay for so long.
constexpr auto pipes_kept_for = std::chrono::seconds{1};

// What one connection's receive buffer may grow to. A window of half the larger one fills a path of 1 Gbit/s
// with 16 ms, or of 100 Mbit/s with 160. With half as much, bulk costs a seventh more CPU: what waits to be
// sent is bounded, too, so the sides wake each other more often.
constexpr std::size_t largest_buffer = 4U << 20;
constexpr std::size_t smallest_buffer = 128U << 10;

// What one may take of what is left, so that some which are stuck leave room for others.
constexpr std::size_t share_of_one = 8;

} // namespace

relay_group::relay_group(event_loop& loop) : loop_(loop), buffer_(buffer_size) {}

relay_group::~relay_group() {
    relays_.clear_and_dispose([](relay* one) { std::default_delete<relay>{}(one); });
}

error_code relay_group::start(std::unique_ptr<relay>& mine) {
    auto& one = *mine;
    one.group_ = this;
    if (const auto ec = one.watch()) {
        loop_.unwatch(one.client_.fd.get());
        one.close(relay_end::no_memory);
        return ec;
    }
    relays_.push_back(*mine.release());
    ++size_;
    for (const auto* const way : {&one.to_backend_, &one.to_client_}) // of one that another process had
        if (way->pipe)
            pipes_.adopt(way->pipe);
    buffered_ += one.client_.buffered + one.backend_.buffered;
    if (is_leaving_)
        one.prepare_to_leave();
    one.set_alarm();
    one.pass_on();
    return {};
}

bool relay_group::prepare_some(std::size_t most) {
    is_leaving_ = true;
    for (auto& one : relays_) {
        if (one.is_prepared_to_leave())
            continue;
        if (most-- == 0)
            return false;
        one.prepare_to_leave();
    }
    return true;
}

void relay_group::end_all(relay_end why) {
    if (!is_gone_)
        return end_if([](const relay&) { return true; }, why);
    in_turn_.clear();
    relays_.clear_and_dispose([this](relay* one) {
        one->drop();
        std::default_delete<relay>{}(one);
    });
    size_ = 0;
}

void relay_group::take_a_turn_later(relay& one) {
    if (one.in_turn_.is_linked())
        return;
    in_turn_.push_back(one);
    loop_.arm(next_turn_, time_point::min());
}

// Those at the head of the line pass on, until so much has passed that it is everybody else's turn.
void relay_group::take_turns() {
    if (is_gone_)
        return;
    list_of<&relay::in_turn_> now;
    now.swap(in_turn_);
    for (passed_ = 0; !now.empty() && passed_ < bytes_in_a_row;) {
        auto& one = now.front();
        now.pop_front();
        one.pass_on();
    }
    in_turn_.splice(in_turn_.begin(), now);
    if (!in_turn_.empty())
        loop_.arm(next_turn_, time_point::min());
}

std::size_t relay_group::share_of_buffers() const noexcept {
    const auto left = most_buffered_ - std::min(buffered_, most_buffered_);
    return std::clamp(left / share_of_one, smallest_buffer, largest_buffer);
}

void relay_group::count_buffered(std::uint32_t& one, std::size_t now) noexcept {
    buffered_ += now - one;
    one = static_cast<std::uint32_t>(now);
}

void relay_group::bury(relay& one) {
    one.in_group_.unlink();
    one.in_turn_.unlink();
    --size_;
    if (size_ == 0)
        loop_.arm(*this, clock::now() + pipes_kept_for);
    std::default_delete<relay>{}(&one);
}

// Nobody has needed a pipe for a while.
void relay_group::expire() {
    if (size_ == 0)
        pipes_.trim();
}

} // namespace snipass::net
