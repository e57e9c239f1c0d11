// SPDX-License-Identifier: BSL-1.0
// The bounds on clients whose hello is not complete.
#include "snipass/context/waiting_room.hpp"

#include "snipass/base/source.hpp"

#include <algorithm>

namespace snipass::server {
namespace {

class shed_category_type final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "snipass.shed"; }
    [[nodiscard]] std::string message(int value) const override {
        return static_cast<shed_reason>(value) == shed_reason::room
                   ? "max_waiting sessions were waiting and this was the oldest"
                   : "max_waiting_per_source sessions of this source were waiting and this was the oldest";
    }
};

} // namespace

const boost::system::error_category& shed_category() noexcept {
    static const shed_category_type category;
    return category;
}

error_code make_error_code(shed_reason reason) noexcept {
    return {static_cast<int>(reason), shed_category()};
}

waiting_room::place::place(waiting_room& room, const ip_address& client, net::fd_watch& watch)
    : room_(room), watch_(watch), source_(source_of(client)) {
    auto& source = room.sources_[source_];
    source.places.push_back(*this);
    ++source.size;
    room.all_.push_back(*this);
    ++room.size_;
    // The newcomer is the youngest, so it never sheds itself, and its source stays in the map.
    if (source.size > room.per_source_)
        room.shed(source.places.front(), shed_reason::source);
    if (room.size_ > room.total_)
        room.shed(room.all_.front(), shed_reason::room);
}

waiting_room::place::~place() {
    room_.leave(*this);
}

void waiting_room::set_limits(std::size_t total, std::size_t per_source) noexcept {
    total_ = std::max<std::size_t>(total, 1);
    per_source_ = std::max<std::size_t>(per_source, 1);
}

bool waiting_room::shed_oldest() {
    if (all_.empty())
        return false;
    shed(all_.front(), shed_reason::room);
    return true;
}

void waiting_room::shed(place& one, shed_reason reason) {
    leave(one);
    one.watch_.interrupt(reason);
}

void waiting_room::leave(place& one) noexcept {
    if (!one.in_all_.is_linked())
        return;
    one.in_all_.unlink();
    one.in_source_.unlink();
    --size_;
    const auto entry = sources_.find(one.source_);
    if (--entry->second.size == 0)
        sources_.erase(entry);
}

} // namespace snipass::server
