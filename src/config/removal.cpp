// SPDX-License-Identifier: BSL-1.0
// Whom a reload takes their backend from.
#include "snipass/config/removal.hpp"

#include <algorithm>

namespace snipass::config {
namespace {

bool leads_to(const backend_settings& backend, std::string_view address) {
    if (const auto* const relay = backend.relay())
        return std::ranges::count(relay->addresses, address, &proxy_address::text) > 0;
    return backend.forward() && backend.forward()->address.text == address;
}

} // namespace

bool is_removed(const backend_settings& of, std::string_view address, const configuration& now) {
    const auto* const proxy = of.proxy();
    if (proxy == nullptr || proxy->on_remove == removal::keep)
        return false;
    const auto same = std::ranges::find(now.backends, of.name, &backend_settings::name);
    if (same == now.backends.end())
        return true;
    return !address.empty() && !leads_to(*same, address);
}

} // namespace snipass::config
