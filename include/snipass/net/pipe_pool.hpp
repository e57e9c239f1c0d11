// SPDX-License-Identifier: BSL-1.0
// pipe_pool: one thread's pipes for relayed bytes.
#pragma once

#include "snipass/os/pipe.hpp"

#include <climits>
#include <cstddef>
#include <vector>

namespace snipass::net {

// pipe_pool lends pipes and never has more than a bound of them, nor more than a bound of what they hold. A
// direction of a relay holds one only while bytes lie in it; a few empty ones are kept for the next.
class pipe_pool {
  public:
    // max_memory: bytes, of the splice capacities of all pipes.
    pipe_pool(std::size_t max_pipes, std::size_t max_memory) noexcept
        : max_pipes_(max_pipes), max_memory_(max_memory) {}

    // below: no pipe whose descriptors are not below this number.
    void set_limits(std::size_t max_pipes, std::size_t max_memory, int below = INT_MAX) noexcept;

    // lend: no pipe (capacity 0) if a bound is reached or the process is out of descriptors. Pipes are large
    // while few are lent, and smaller the less memory is left.
    [[nodiscard]] os::pipe lend();

    // give_back takes a pipe that was lent; one with bytes in it is closed with them.
    void give_back(os::pipe&& one, bool empty);

    // adopt counts one as lent that comes from another process, be there room for it or not.
    void adopt(const os::pipe& one) noexcept {
        ++lent_;
        memory_ += one.splice_capacity();
    }

    // trim closes the empty ones.
    void trim() noexcept;

    [[nodiscard]] std::size_t lent() const noexcept { return lent_; }
    [[nodiscard]] std::size_t kept() const noexcept { return kept_.size(); }
    [[nodiscard]] std::size_t memory() const noexcept { return memory_; } // of those lent and those kept

  private:
    [[nodiscard]] bool is_within_limits() const noexcept;
    void close(os::pipe&& one) noexcept;

    std::size_t max_pipes_;
    std::size_t max_memory_;
    int below_ = INT_MAX;
    std::size_t lent_ = 0;
    std::size_t memory_ = 0;
    std::size_t large_ = 0; // what was granted when the largest was asked for
    std::vector<os::pipe> kept_;
};

} // namespace snipass::net
