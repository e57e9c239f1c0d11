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
    if (free_ > 0) {
        --free_;
        co_return;
    }
    waiter me{net::sleeper{loop_}};
    queue_.push_back(&me);
    while (!me.has_turn)
        co_await me.sleeper.sleep(time_point::max());
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

} // namespace snipass::net
