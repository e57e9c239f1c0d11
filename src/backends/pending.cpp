// SPDX-License-Identifier: BSL-1.0
// Clients that are on their way to a backend.
#include "snipass/backends/pending.hpp"

namespace snipass::server {
namespace {

// Of the room, for those who have made way: a sorry backend most often takes them at once.
constexpr std::size_t part_beyond = 8;

} // namespace

bool pending_room::displace_one(std::size_t more_than) {
    if (all_.size() <= more_than || all_.places_of_largest() <= more_than)
        return false;
    static_cast<pending::place&>(*all_.next_to_go()).owner.make_way(true);
    return true;
}

pending::pending(pending_room& room, source_shares& at_backend, const ip_address& source, bool has_made_way) {
    if (auto* const gone = at_backend.enter(at_backend_, source))
        static_cast<place&>(*gone).owner.make_way(false);
    if (is_displaced())
        return;
    const auto beyond = has_made_way ? room.all_.limit() / part_beyond : 0;
    if (auto* const gone = room.all_.enter(in_room_, source, beyond))
        static_cast<place&>(*gone).owner.make_way(true);
}

void pending::go_first() {
    at_backend_.go_first();
    in_room_.go_first();
}

void pending::close() {
    is_closed_ = true;
    make_way(false);
}

void pending::make_way(bool for_descriptors) {
    at_backend_.leave();
    in_room_.leave();
    is_for_descriptors_ = for_descriptors;
    displacement_.come();
}

} // namespace snipass::server
