// SPDX-License-Identifier: BSL-1.0
// Where clients may be forwarded to.
#include "snipass/base/public_address.hpp"
#include "snipass/config/configuration.hpp"

#include <algorithm>

namespace snipass::config {

bool destinations::denies(const ip_address& address) const noexcept {
    const auto inner = carried_v4(address);
    return std::ranges::any_of(denied, [&](const ip_prefix& one) {
        return one.contains(address) || (inner && one.contains(*inner));
    });
}

bool destinations::lists(const ip_address& address) const noexcept {
    return std::ranges::any_of(listed, [&](const ip_prefix& one) { return one.contains(address); });
}

bool destinations::allows(const ip_address& address) const noexcept {
    return !denies(address) && ((public_ones && is_public(address)) || lists(address));
}

} // namespace snipass::config
