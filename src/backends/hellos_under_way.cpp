// SPDX-License-Identifier: BSL-1.0
// Which clients are being forwarded to the name they asked for.
#include "snipass/backends/hellos_under_way.hpp"

namespace snipass::server {

std::shared_ptr<const hellos_under_way::mark> hellos_under_way::add(const random& one) {
    {
        const std::lock_guard lock{mutex_};
        if (!all_.insert(one).second)
            return nullptr;
    }
    return std::make_shared<const mark>(*this, one);
}

void hellos_under_way::remove(const random& one) {
    const std::lock_guard lock{mutex_};
    all_.erase(one);
}

std::size_t hellos_under_way::size() const {
    const std::lock_guard lock{mutex_};
    return all_.size();
}

} // namespace snipass::server
