// SPDX-License-Identifier: BSL-1.0
// waiting_room: the bounds on clients of whom something is waited for before they are routed or after they
// are refused.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/source_shares.hpp"
#include "snipass/net/fd_watch.hpp"

#include <cstddef>
#include <limits>
#include <optional>

namespace snipass::server {

struct record; // snipass/telling/record.hpp

// Why a session's wait was ended by the waiting room.
enum class shed_reason {
    room = 1, // max_waiting
    source,   // max_waiting_per_source
    stop,     // the process stops
    admin,    // `snipass close`
    moved,    // the next process goes on with it
};
[[nodiscard]] const boost::system::error_category& shed_category() noexcept;
[[nodiscard]] error_code make_error_code(shed_reason reason) noexcept;

// waiting_room knows one worker's waiting sessions, and what each source has of them (source_shares): clients
// whose hello is not complete, refused ones that may read their alert still, and other routers that hand a
// client over. A session that enters a full room ends the wait of the oldest one, of its own source where
// that has too many, else of the largest: the youngest have the best prospects.
class waiting_room {
  public:
    // place is one session's stay: it enters at construction and leaves at destruction.
    class place : private source_shares::place {
      public:
        // `watch` is what the session waits with: it is interrupted with a shed_reason. about: what is known
        // of it; null: its outcome is told already, or it is no client yet.
        place(waiting_room& room, const ip_address& client, net::fd_watch& watch,
              const record* about = nullptr);
        ~place() = default;
        place(const place&) = delete;
        place& operator=(const place&) = delete;

      private:
        friend class waiting_room;

        net::fd_watch& watch_;
        const record* about_;
    };

    // set_limits: both at least 1; they hold for sessions that enter from now on.
    void set_limits(std::size_t total, std::size_t per_source) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return shares_.size(); }

    // for_each calls tell(const record&, place&) for each session. end_wait ends the wait of one, which may
    // be that one.
    template <class Tell>
    void for_each(Tell tell) {
        shares_.for_each([&](source_shares::place& which) {
            auto& one = static_cast<place&>(which);
            if (one.about_ != nullptr)
                tell(*one.about_, one);
        });
    }
    static void end_wait(place& one, shed_reason why) { shed(one, why); }
    [[nodiscard]] std::size_t places_of_largest() { return shares_.places_of_largest(); }

    // close ends all waits, and those who would enter from now on need not. leave does so with those of
    // clients that the next process can go on with. open: others may enter again.
    void close();
    void leave();
    void open() noexcept { closed_.reset(); }
    [[nodiscard]] const std::optional<shed_reason>& closed() const noexcept { return closed_; }

    // shed_oldest ends the wait of the largest source's oldest session, to get its descriptor back. False:
    // nobody waits.
    bool shed_oldest();

  private:
    static void shed(source_shares::place& one, shed_reason reason);

    std::size_t total_ = 1;
    std::size_t per_source_ = 1;
    std::optional<shed_reason> closed_;
    source_shares shares_{std::numeric_limits<std::size_t>::max()};
};

} // namespace snipass::server

template <>
struct boost::system::is_error_code_enum<snipass::server::shed_reason> : std::true_type {};
