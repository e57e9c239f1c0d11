// SPDX-License-Identifier: BSL-1.0
// pending: clients that are on their way to a backend, and the bounds on them.
#pragma once

#include "snipass/backends/kept.hpp"
#include "snipass/base/source_shares.hpp"
#include "snipass/net/interruption.hpp"

#include <cstddef>
#include <limits>
#include <memory>
#include <string>

namespace snipass::server {

class pending;
struct record; // snipass/telling/record.hpp

// pending_room has one worker's clients that are on their way, to whatever backend. Each has a descriptor, so
// there is a bound on all of them, besides max_pending of each backend.
class pending_room {
  public:
    // set_limit holds for those who come from now on.
    void set_limit(std::size_t limit) noexcept { all_.set_limit(limit); }

    // at_backend has the places of the clients of one backend, whichever configuration they came by.
    [[nodiscard]] std::shared_ptr<source_shares> at_backend(const std::string& name) {
        return by_backend_.at(name);
    }

    // displace_one: somebody of the largest source makes way, because descriptors are needed. False: no
    // source has more than so many.
    bool displace_one(std::size_t more_than);

    // for_each calls tell(pending&) for each.
    template <class Tell>
    void for_each(Tell tell);

    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
    [[nodiscard]] bool is_half_full() const noexcept { return all_.size() > all_.limit() / 2; }

  private:
    friend class pending;

    source_shares all_{std::numeric_limits<std::size_t>::max()};
    kept<std::string, source_shares> by_backend_;
};

// pending is one client that is on its way to a backend, for as long as it exists. Where there are
// max_pending, or as many as there may be for all backends, somebody of the largest source (source_shares)
// makes way: one that goes first, or the newest, which may be this one.
class pending {
  public:
    // has_made_way: elsewhere just now. Such a one may be offered to the next backend, be the room full or
    // not.
    pending(pending_room& room, source_shares& at_backend, const ip_address& source,
            bool has_made_way = false);
    ~pending() = default;
    pending(const pending&) = delete;
    pending& operator=(const pending&) = delete;

    // is_displaced: its place is another's, and it is not offered again.
    [[nodiscard]] bool is_displaced() const noexcept { return displacement_.has_come(); }

    // is_for_descriptors: it was displaced because of all backends' clients, and not of this one's.
    [[nodiscard]] bool is_for_descriptors() const noexcept { return is_for_descriptors_; }

    // displacement ends what this client waits for then, so that it leaves at once.
    [[nodiscard]] net::interruption& displacement() noexcept { return displacement_; }

    // is_closed: an admin ends it; it is displaced, and is offered to nobody else.
    void close();
    [[nodiscard]] bool is_closed() const noexcept { return is_closed_; }

    // step_aside: the router leaves; it is displaced.
    void step_aside() { make_way(false); }

    const record* about = nullptr; // what is known of it
    bool is_held = false;          // it waits for a backend that is away

    // go_first: where its source has to make way, this one goes first.
    void go_first();

    [[nodiscard]] const ip_address& source() const noexcept { return at_backend_.source(); }

  private:
    friend class pending_room;

    struct place : source_shares::place {
        explicit place(pending& of) noexcept : owner(of) {}
        pending& owner;
    };

    void make_way(bool for_descriptors);

    place at_backend_{*this};
    place in_room_{*this};
    net::interruption displacement_;
    bool is_for_descriptors_ = false;
    bool is_closed_ = false;
};

template <class Tell>
void pending_room::for_each(Tell tell) {
    all_.for_each([&](source_shares::place& one) { tell(static_cast<pending::place&>(one).owner); });
}

} // namespace snipass::server
