// One thread's pipes.
#include "snipass/net/pipe_pool.hpp"

#include <utility>

namespace snipass::net {
namespace {

// Measured on loopback: splicing through 64 KiB costs more than copying, from 256 KiB on it is cheaper. An
// unprivileged user gets 256 pipes of this size before the kernel makes them smaller.
constexpr std::size_t pipe_size = 256U << 10;

// Empty pipes that are not closed, because opening one costs three system calls.
constexpr std::size_t kept_pipes = 16;

} // namespace

void pipe_pool::set_max_pipes(std::size_t max_pipes) noexcept {
    max_pipes_ = max_pipes;
    while (!kept_.empty() && lent_ + kept_.size() > max_pipes_)
        kept_.pop_back();
}

os::pipe pipe_pool::lend() {
    if (!kept_.empty()) {
        auto one = std::move(kept_.back());
        kept_.pop_back();
        ++lent_;
        return one;
    }
    if (lent_ >= max_pipes_)
        return {};
    auto made = os::open_pipe(pipe_size);
    if (!made)
        return {};
    ++lent_;
    return std::move(*made);
}

void pipe_pool::give_back(os::pipe&& one, bool empty) {
    --lent_;
    auto taken = std::exchange(one, {});
    if (empty && kept_.size() < kept_pipes && lent_ + kept_.size() < max_pipes_)
        kept_.push_back(std::move(taken));
}

} // namespace snipass::net
