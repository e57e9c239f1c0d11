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
    // take_now: false: there is none.
    [[nodiscard]] bool take_now() noexcept;
    // give_up passes a turn on rather than back where somebody waits, so that nobody overtakes.
    void give_up();

  private:
    struct waiter;

    event_loop& loop_;
    std::size_t free_;
    std::deque<waiter*> queue_;
};

// passing_turn is one of `quick`. What takes longer than `patience` has one of `late` then, where there is
// one, and the quick one is the next in the queue's: whoever is slow holds up few, and not for long.
class passing_turn final : private alarm {
  public:
    passing_turn(event_loop& loop, turns& quick, turns& late, clock::duration patience) noexcept
        : loop_(loop), quick_(quick), late_(late), patience_(patience) {}
    ~passing_turn() = default;

    [[nodiscard]] task<> take();
    void give_up();

  private:
    void expire() override;

    event_loop& loop_;
    turns& quick_;
    turns& late_;
    clock::duration patience_;
    bool is_late_ = false;
};

} // namespace snipass::net
