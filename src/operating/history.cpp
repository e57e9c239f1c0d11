// SPDX-License-Identifier: BSL-1.0
// What became of clients in the last ten minutes.
#include "snipass/operating/history.hpp"

namespace snipass::server {

void history::add(const three_ends& totals) {
    if (has_begun_)
        all_.push_back(
            {totals.served - last_.served, totals.refused - last_.refused, totals.failed - last_.failed});
    has_begun_ = true;
    last_ = totals;
    if (all_.size() > kept)
        all_.pop_front();
}

} // namespace snipass::server
