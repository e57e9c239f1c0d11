// SPDX-License-Identifier: BSL-1.0
// backend: what one worker knows of one backend: its datagram channels, and the clients that wait for it.
#pragma once

#include "snipass/backends/datagram_channel.hpp"
#include "snipass/backends/presence.hpp"
#include "snipass/backends/target_list.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/relay.hpp"
#include "snipass/net/sleeper.hpp"

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace snipass::server {

class backend {
  public:
    // `settings` outlives the backend. max_pending: this worker's share of the setting, at least 1.
    backend(const config::backend_settings& settings, std::size_t max_pending, address_book& book);

    [[nodiscard]] const config::backend_settings& settings() const noexcept { return settings_; }
    [[nodiscard]] std::vector<datagram_channel>& channels() noexcept { return channels_; }

    // targets, relaying: of a proxied backend.
    [[nodiscard]] target_list& targets() noexcept { return targets_; }
    [[nodiscard]] const target_list& targets() const noexcept { return targets_; }
    [[nodiscard]] const net::relay_options& relaying() const noexcept { return relaying_; }

    // has_room: fewer than max_pending clients are on their way to this backend. make_room: it has, or one
    // that is held and may be displaced leaves, soon.
    [[nodiscard]] bool has_room() const noexcept { return pending_ - leaving_ < max_pending_; }
    [[nodiscard]] bool make_room();

    // pending counts a client that is on its way for as long as it exists.
    class pending {
      public:
        explicit pending(backend& owner) noexcept : owner_(owner) { ++owner_.pending_; }
        ~pending() { --owner_.pending_; }
        pending(const pending&) = delete;
        pending& operator=(const pending&) = delete;

      private:
        backend& owner_;
    };

    // held is one client's place in the queue of those that wait for the backend to come back. Only the first
    // one knocks, less often each time; when a client is taken, all are woken. The queue is first come, first
    // served.
    class held {
      public:
        held(backend& owner, net::event_loop& loop);
        ~held();
        held(const held&) = delete;
        held& operator=(const held&) = delete;

        // wait until it is this client's turn to try, `until`, or a second has passed, which is time to see
        // whether the client is still there. Returns whether it is its turn.
        net::task<bool> wait(net::time_point until);

        // may_be_displaced: whoever comes while there is no room takes this place. Of several the first goes.
        void may_be_displaced();
        [[nodiscard]] bool is_displaced() const noexcept { return displaced_; }

      private:
        friend class backend;
        using hook =
            boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

        backend& owner_;
        net::sleeper sleeper_;
        bool called_ = false; // the backend is back
        bool displaced_ = false;
        hook in_queue_;
        hook in_displaceable_;
    };

    // took: the backend has taken a client, so those who wait may try. did_not_take: not this one, for the
    // reason `why`, which the log hears if it is news; knocked_in_vain: not even the one that was to try.
    void took(log& to);
    void did_not_take(log& to, outcome why, std::string_view detail);
    void knocked_in_vain(outcome why) noexcept;
    [[nodiscard]] bool is_away() const noexcept { return presence_->is_away(); }

  private:
    template <held::hook held::*Hook>
    using list_of = boost::intrusive::list<held, boost::intrusive::member_hook<held, held::hook, Hook>,
                                           boost::intrusive::constant_time_size<false>>;

    const config::backend_settings& settings_;
    std::vector<datagram_channel> channels_; // one for each address
    target_list targets_;
    net::relay_options relaying_;
    std::shared_ptr<presence> presence_;
    std::size_t max_pending_;
    std::size_t pending_ = 0;
    std::size_t leaving_ = 0;    // of them: displaced
    net::clock::duration pause_; // before the next knock
    list_of<&held::in_queue_> held_;
    list_of<&held::in_displaceable_> displaceable_;
};

} // namespace snipass::server
