// SPDX-License-Identifier: BSL-1.0
// sleeper: waiting for time to pass, or for somebody to say that the wait is over.
#pragma once

#include "snipass/net/event_loop.hpp"

#include <coroutine>

namespace snipass::net {

class sleeper final : private alarm {
  public:
    explicit sleeper(event_loop& loop) noexcept : loop_(loop) {}
    ~sleeper() = default;

    // co_await sleep(until) lasts until `until` or wake(), whichever is first. One sleep at a time.
    [[nodiscard]] auto sleep(time_point until) noexcept { return nap{*this, until}; }

    // wake ends the sleep under way, soon but not within this call; without one it does nothing.
    void wake();

  private:
    struct nap {
        sleeper& owner;
        time_point until;

        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiter) const {
            owner.waiter_ = waiter;
            owner.loop_.arm(owner, until);
        }
        void await_resume() const noexcept {}
    };

    void expire() override;

    event_loop& loop_;
    std::coroutine_handle<> waiter_;
};

} // namespace snipass::net
