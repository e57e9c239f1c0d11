// SPDX-License-Identifier: BSL-1.0
// turns: so many at a time, first come, first served.
#pragma once

#include "snipass/net/event_loop.hpp"
#include "snipass/net/task.hpp"

#include <cstddef>
#include <deque>

namespace snipass::net {

// Of one thread. A coroutine takes a turn, which it may have to wait for, and gives it up.
class turns {
  public:
    turns(event_loop& loop, std::size_t most) noexcept : loop_(loop), free_(most) {}

    [[nodiscard]] task<> take();
    // give_up passes a turn on rather than back where somebody waits, so that nobody overtakes.
    void give_up();

  private:
    struct waiter;

    event_loop& loop_;
    std::size_t free_;
    std::deque<waiter*> queue_;
};

} // namespace snipass::net
