// SPDX-License-Identifier: BSL-1.0
// Clients that come by again.
#include "snipass/context/comings.hpp"

namespace snipass::server {

std::size_t comings::count_one(std::uint64_t cookie) {
    if (cookie == 0)
        return 0;
    auto& one = slots_[cookie % slots_.size()];
    if (one.cookie != cookie)
        one = {cookie, 0};
    return ++one.times;
}

} // namespace snipass::server
