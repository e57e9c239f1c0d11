// SPDX-License-Identifier: BSL-1.0
// Whom the addresses of clients are counted as.
#include "snipass/base/source.hpp"

namespace snipass {

ip_address source_of(const ip_address& client) noexcept {
    constexpr unsigned customer = 64;
    return client.is_v4() ? client : ip_prefix{client, customer}.address();
}

} // namespace snipass
