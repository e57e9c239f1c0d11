// SPDX-License-Identifier: BSL-1.0
// Who waits for a turn, and whose it is.
#include "snipass/net/turns.hpp"

#include "snipass/net/sleeper.hpp"

namespace snipass::net {

struct turns::waiter {
    net::sleeper sleeper;
    bool has_turn = false;
};

task<> turns::take() {
    if (take_now())
        co_return;
    waiter me{net::sleeper{loop_}};
    queue_.push_back(&me);
    while (!me.has_turn)
        co_await me.sleeper.sleep(time_point::max());
}

bool turns::take_now() noexcept {
    if (free_ == 0)
        return false;
    --free_;
    return true;
}

void turns::give_up() {
    if (queue_.empty()) {
        ++free_;
        return;
    }
    queue_.front()->has_turn = true;
    queue_.front()->sleeper.wake();
    queue_.pop_front();
}

task<> passing_turn::take() {
    co_await quick_.take();
    loop_.arm(*this, clock::now() + patience_);
}

void passing_turn::give_up() {
    disarm();
    (is_late_ ? late_ : quick_).give_up();
}

void passing_turn::expire() {
    is_late_ = late_.take_now();
    if (is_late_)
        quick_.give_up();
    else
        loop_.arm(*this, clock::now() + patience_);
}

} // namespace snipass::net
