// SPDX-License-Identifier: BSL-1.0
// The end that somebody else makes of a wait.
#include "snipass/net/interruption.hpp"

#include "snipass/net/fd_watch.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/net/wait_error.hpp"

namespace snipass::net {

void interruption::come() {
    has_come_ = true;
    if (watch_ != nullptr)
        watch_->interrupt(wait_error::cancelled);
    if (nap_ != nullptr)
        nap_->wake();
}

} // namespace snipass::net
