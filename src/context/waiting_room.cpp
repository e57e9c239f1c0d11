// SPDX-License-Identifier: BSL-1.0
// The bounds on clients whose hello is not complete.
#include "snipass/context/waiting_room.hpp"

#include <algorithm>
#include <vector>

namespace snipass::server {
namespace {

class shed_category_type final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "snipass.shed"; }
    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<shed_reason>(value)) {
        case shed_reason::room:
            return "max_waiting sessions were waiting and this was the oldest of the largest source";
        case shed_reason::source:
            return "max_waiting_per_source sessions of this source were waiting and this was the oldest";
        case shed_reason::stop:
            return "the router stops, and has waited a second for the rest of its hello";
        case shed_reason::admin:
            return "snipass close";
        case shed_reason::moved:
            return "the next process goes on with it";
        }
        return "?";
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

waiting_room::place::place(waiting_room& room, const ip_address& client, net::fd_watch& watch,
                           const record* about)
    : watch_(watch), about_(about) {
    auto& shares = room.shares_;
    (void)shares.enter(*this, client); // without a limit
    // The newcomer is the youngest, so it never sheds itself. While few wait no source has too many.
    if (shares.size() > room.per_source_ && shares.places_of(client) > room.per_source_)
        shed(*shares.oldest_of(client), shed_reason::source);
    if (shares.size() > room.total_)
        room.shed_oldest();
}

void waiting_room::set_limits(std::size_t total, std::size_t per_source) noexcept {
    total_ = std::max<std::size_t>(total, 1);
    per_source_ = std::max<std::size_t>(per_source, 1);
}

void waiting_room::leave() {
    closed_ = shed_reason::moved;
    std::vector<place*> all;
    for_each([&all](const record&, place& one) { all.push_back(&one); });
    for (auto* const one : all)
        shed(*one, shed_reason::moved);
}

void waiting_room::close() {
    closed_ = shed_reason::stop;
    while (auto* const one = shares_.oldest_of_largest())
        shed(*one, shed_reason::stop);
}

bool waiting_room::shed_oldest() {
    auto* const one = shares_.oldest_of_largest();
    if (one != nullptr)
        shed(*one, shed_reason::room);
    return one != nullptr;
}

void waiting_room::shed(source_shares::place& which, shed_reason reason) {
    auto& one = static_cast<place&>(which);
    one.leave();
    one.watch_.interrupt(reason);
}

} // namespace snipass::server
