// SPDX-License-Identifier: BSL-1.0
// waiting_room: the bounds on clients whose hello is not complete.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/net/fd_watch.hpp"

#include <boost/functional/hash.hpp>
#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <unordered_map>

namespace snipass::server {

// Why a session's wait was ended by the waiting room.
enum class shed_reason {
    room = 1, // max_waiting
    source,   // max_waiting_per_source
};
[[nodiscard]] const boost::system::error_category& shed_category() noexcept;
[[nodiscard]] error_code make_error_code(shed_reason reason) noexcept;

// waiting_room knows one worker's waiting sessions, oldest first: all of them, and those of each source,
// which is an IPv4 address or an IPv6 /64. A session that enters a full room ends the wait of the oldest one
// (of its source, or of all): the youngest have the best prospects. It allocates for each source, not for
// each session.
class waiting_room {
    using hook =
        boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  public:
    // place is one session's stay: it enters at construction and leaves at destruction.
    class place {
      public:
        // `watch` is what the session waits with: it is interrupted with a shed_reason.
        place(waiting_room& room, const ip_address& client, net::fd_watch& watch);
        ~place();
        place(const place&) = delete;
        place& operator=(const place&) = delete;

      private:
        friend class waiting_room;

        waiting_room& room_;
        net::fd_watch& watch_;
        ip_address source_;
        hook in_all_;
        hook in_source_;
    };

    // set_limits: both at least 1; they hold for sessions that enter from now on.
    void set_limits(std::size_t total, std::size_t per_source) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // shed_oldest ends the oldest session's wait, to get its descriptor back. False: nobody waits.
    bool shed_oldest();

  private:
    template <hook place::*Hook>
    using list_of = boost::intrusive::list<place, boost::intrusive::member_hook<place, hook, Hook>,
                                           boost::intrusive::constant_time_size<false>>;
    struct source_entry {
        list_of<&place::in_source_> places; // oldest first
        std::size_t size = 0;
    };
    struct hash {
        std::size_t operator()(const ip_address& address) const noexcept {
            return boost::hash_range(address.bytes().begin(), address.bytes().end());
        }
    };

    void shed(place& one, shed_reason reason);
    void leave(place& one) noexcept; // again is harmless

    std::size_t total_ = 1;
    std::size_t per_source_ = 1;
    std::size_t size_ = 0;
    list_of<&place::in_all_> all_; // oldest first
    std::unordered_map<ip_address, source_entry, hash> sources_;
};

} // namespace snipass::server

template <>
struct boost::system::is_error_code_enum<snipass::server::shed_reason> : std::true_type {};
