// SPDX-License-Identifier: BSL-1.0
// backend: what one worker knows of one backend: its datagram channels, and the clients that wait for it.
#pragma once

#include "snipass/backends/datagram_channel.hpp"
#include "snipass/backends/presence.hpp"
#include "snipass/backends/target_list.hpp"
#include "snipass/base/source_shares.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/interruption.hpp"
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
    // `settings` outlives the backend. max_pending: this worker's share of the setting.
    backend(const config::backend_settings& settings, std::size_t max_pending, address_book& book);

    [[nodiscard]] const config::backend_settings& settings() const noexcept { return settings_; }
    [[nodiscard]] std::vector<datagram_channel>& channels() noexcept { return channels_; }

    // targets, relaying: of a proxied backend.
    [[nodiscard]] target_list& targets() noexcept { return targets_; }
    [[nodiscard]] const target_list& targets() const noexcept { return targets_; }
    [[nodiscard]] const net::relay_options& relaying() const noexcept { return relaying_; }

    // pending is one client that is on its way to this backend, for as long as it exists. Where there are
    // max_pending, somebody of the largest source (source_shares) makes way: the first of those who may be
    // displaced, or the newest, which may be this one.
    class pending : private source_shares::place {
      public:
        pending(backend& owner, const ip_address& source);
        ~pending() = default;
        pending(const pending&) = delete;
        pending& operator=(const pending&) = delete;

        // is_displaced: its place is another's, and it is not offered again.
        [[nodiscard]] bool is_displaced() const noexcept { return displacement_.has_come(); }

        // displacement ends what this client waits for then, so that it leaves at once.
        [[nodiscard]] net::interruption& displacement() noexcept { return displacement_; }

        // may_be_displaced: where its source has to make way, this one goes first.
        void may_be_displaced();

      private:
        friend class backend;
        using hook =
            boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

        void make_way();

        backend& owner_;
        net::interruption displacement_;
        hook in_displaceable_;
    };

    // held is one client's place in the queue of those that wait for the backend to come back. Only the first
    // one knocks, less often each time. When a client is taken, the next two are called and leave the queue:
    // all get to a backend that takes them within a few such rounds, and one that takes few is not asked by
    // all for each of these. Who was called in vain is the last in the queue.
    class held {
      public:
        held(pending& client, net::event_loop& loop);
        ~held();
        held(const held&) = delete;
        held& operator=(const held&) = delete;

        // wait until it is this client's turn to try, `until`, it is displaced, or a second has passed, which
        // is time to see whether the client is still there. Returns whether it is its turn.
        net::task<bool> wait(net::time_point until);

      private:
        friend class backend;

        pending& client_;
        backend& owner_;
        net::sleeper sleeper_;
        pending::hook in_queue_;
    };

    // took: the backend has taken a client, so two of those who wait may try. did_not_take: it has not; the
    // log is told `why` if that is news. knocked_in_vain: it has not taken the held client that tried for
    // all, so the next try comes later.
    void took(log& to);
    void did_not_take(log& to, outcome why, std::string_view detail);
    void knocked_in_vain(outcome why) noexcept;

    // known is what all workers know of it.
    [[nodiscard]] const std::shared_ptr<presence>& known() const noexcept { return presence_; }
    [[nodiscard]] bool is_away() const noexcept { return presence_->is_away(); }

  private:
    template <class T, pending::hook T::*Hook>
    using list_of = boost::intrusive::list<T, boost::intrusive::member_hook<T, pending::hook, Hook>,
                                           boost::intrusive::constant_time_size<false>>;

    void displace_first_for(const ip_address& source);

    const config::backend_settings& settings_;
    std::vector<datagram_channel> channels_; // one for each address
    target_list targets_;
    net::relay_options relaying_;
    std::shared_ptr<presence> presence_;
    source_shares shares_;       // of those who are pending and not displaced
    net::clock::duration pause_; // before the next knock
    list_of<held, &held::in_queue_> held_;
    list_of<pending, &pending::in_displaceable_> displaceable_;
};

} // namespace snipass::server
