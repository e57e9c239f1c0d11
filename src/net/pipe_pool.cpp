// SPDX-License-Identifier: BSL-1.0
// Pipes that relays lend and give back, so that few are opened.
#include "snipass/net/pipe_pool.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace snipass::net {
namespace {

// Measured on loopback: splicing through 64 KiB costs more than copying, from 256 KiB on it is cheaper, and
// with 1 MiB it costs half of that, because each side is woken less often. 1 MiB is also what the kernel
// grants anybody (fs.pipe-max-size).
constexpr std::size_t largest_pipe = 1U << 20;
constexpr std::size_t smallest_pipe = 64U << 10;

// What one pipe may take of the memory that is left, so that some which are stuck with clients that do not
// read leave room for others.
constexpr std::size_t share_of_a_pipe = 8;

// Empty pipes that are not closed, because opening one costs three system calls.
constexpr std::size_t kept_pipes = 16;

} // namespace

void pipe_pool::set_limits(std::size_t max_pipes, std::size_t max_memory, int below) noexcept {
    below_ = below;
    max_pipes_ = max_pipes;
    max_memory_ = max_memory;
    while (!kept_.empty() && !is_within_limits()) {
        close(std::move(kept_.back()));
        kept_.pop_back();
    }
}

os::pipe pipe_pool::lend() {
    if (!kept_.empty()) {
        auto one = std::move(kept_.back());
        kept_.pop_back();
        ++lent_;
        return one;
    }
    const auto left = max_memory_ - std::min(memory_, max_memory_);
    if (lent_ >= max_pipes_ || left < smallest_pipe * os::pipe::splice_factor)
        return {};
    const auto wish = std::clamp(std::bit_floor(left / share_of_a_pipe / os::pipe::splice_factor),
                                 smallest_pipe, largest_pipe);
    auto made = os::open_pipe(wish);
    if (!made || std::max(made->read_end.get(), made->write_end.get()) >= below_)
        return {};
    ++lent_;
    memory_ += made->splice_capacity();
    if (wish == largest_pipe)
        large_ = std::max(large_, made->capacity);
    return std::move(*made);
}

// A small one is not kept: there may be memory for a larger one by now.
void pipe_pool::give_back(os::pipe&& one, bool empty) {
    --lent_;
    auto taken = std::exchange(one, {});
    const bool welcome = empty && kept_.size() < kept_pipes && taken.capacity >= large_;
    if (welcome && lent_ + kept_.size() < max_pipes_ && memory_ <= max_memory_)
        kept_.push_back(std::move(taken));
    else
        close(std::move(taken));
}

void pipe_pool::trim() noexcept {
    for (auto& one : kept_)
        close(std::move(one));
    kept_.clear();
}

bool pipe_pool::is_within_limits() const noexcept {
    return lent_ + kept_.size() <= max_pipes_ && memory_ <= max_memory_;
}

void pipe_pool::close(os::pipe&& one) noexcept {
    memory_ -= std::exchange(one, {}).splice_capacity();
}

} // namespace snipass::net
