// SPDX-License-Identifier: BSL-1.0
// Waiting for time to pass.
#include "snipass/net/sleeper.hpp"

#include <utility>

namespace snipass::net {

void sleeper::wake() {
    if (waiter_)
        loop_.arm(*this, time_point::min());
}

void sleeper::expire() {
    std::exchange(waiter_, nullptr).resume();
}

} // namespace snipass::net
