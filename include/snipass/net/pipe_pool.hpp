// pipe_pool: one thread's pipes for relayed bytes.
#pragma once

#include "snipass/os/pipe.hpp"

#include <cstddef>
#include <vector>

namespace snipass::net {

// pipe_pool lends pipes and never has more than a bound of them. A direction of a relay holds one only while
// bytes lie in it; a few empty ones are kept for the next.
class pipe_pool {
  public:
    explicit pipe_pool(std::size_t max_pipes) noexcept : max_pipes_(max_pipes) {}

    void set_max_pipes(std::size_t max_pipes) noexcept;

    // lend: no pipe (capacity 0) if the bound is reached or the process is out of descriptors.
    [[nodiscard]] os::pipe lend();

    // give_back takes a pipe that was lent; one with bytes in it is closed with them.
    void give_back(os::pipe&& one, bool empty);

    // trim closes the empty ones.
    void trim() noexcept { kept_.clear(); }

    [[nodiscard]] std::size_t lent() const noexcept { return lent_; }
    [[nodiscard]] std::size_t kept() const noexcept { return kept_.size(); }

  private:
    std::size_t max_pipes_;
    std::size_t lent_ = 0;
    std::vector<os::pipe> kept_;
};

} // namespace snipass::net
