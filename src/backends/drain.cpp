// SPDX-License-Identifier: BSL-1.0
// Which backends and addresses an admin lets have no new clients.
#include "snipass/backends/drain.hpp"

#include "snipass/backends/address_book.hpp"

namespace snipass::server {

drain_state::drain_state(const config::backend_settings& settings, address_book& book)
    : whole_(book.drain_of(settings.name)) {
    for (const auto& one : written_addresses(settings))
        addresses_.push_back(book.drain_of(settings.name, one));
}

std::vector<std::string> written_addresses(const config::backend_settings& settings) {
    std::vector<std::string> all;
    if (const auto* const handoff = settings.handoff())
        for (const auto& path : handoff->paths)
            all.push_back("unix:" + path);
    if (const auto* const relay = settings.relay())
        for (const auto& one : relay->addresses)
            all.push_back(one.text);
    return all;
}

} // namespace snipass::server
