// SPDX-License-Identifier: BSL-1.0
// How often the same socket has come by lately.
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
