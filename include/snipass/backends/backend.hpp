// SPDX-License-Identifier: BSL-1.0
// backend: what one worker knows of one backend: its datagram channels, and the clients that wait for it.
#pragma once

#include "snipass/backends/datagram_channel.hpp"
#include "snipass/backends/pending.hpp"
#include "snipass/backends/presence.hpp"
#include "snipass/backends/target_list.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/relay.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/telling/tally.hpp"

#include <boost/intrusive/set.hpp>

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace snipass::server {

class backend {
  public:
    // `settings` and `room` outlive the backend. max_pending: this worker's share of the setting.
    backend(const config::backend_settings& settings, std::size_t max_pending, address_book& book,
            pending_room& room);

    [[nodiscard]] const config::backend_settings& settings() const noexcept { return settings_; }
    [[nodiscard]] std::vector<datagram_channel>& channels() noexcept { return channels_; }

    // drained: what an admin lets have no new clients.
    [[nodiscard]] const drain_state& drained() const noexcept { return targets_.drained(); }

    // targets, relaying: of a proxied backend.
    [[nodiscard]] target_list& targets() noexcept { return targets_; }
    [[nodiscard]] const target_list& targets() const noexcept { return targets_; }
    [[nodiscard]] const net::relay_options& relaying() const noexcept { return relaying_; }

    // places are those of its clients that are on their way, of all configurations.
    [[nodiscard]] source_shares& places() noexcept { return *places_; }

    // held is one client's place in the line of those that wait for the backend to come back. Only the first
    // one knocks, and less often each time. When a client is taken, the next two are called and leave the
    // line: all get to a backend that takes them within a few such rounds, and one that takes few is not
    // asked by all for each of these. The sources have turns: the first client of each comes before the
    // second of any. Who knocked, or was called, in vain has its source's last turn: it may be this one that
    // the backend does not want.
    class held {
      public:
        held(backend& owner, pending& client, net::event_loop& loop);
        ~held();
        held(const held&) = delete;
        held& operator=(const held&) = delete;

        // wait until it is this client's turn to try, `until`, it is displaced, or a second has passed, which
        // is time to see whether the client is still there. Returns whether it is its turn.
        net::task<bool> wait(net::time_point until);

        // tried_in_vain: the backend has not taken it, so the next try comes later.
        void tried_in_vain(outcome why);

      private:
        friend class backend;
        using hook =
            boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

        void join();
        [[nodiscard]] bool is_first() const noexcept { return &*owner_.held_.begin() == this; }
        friend bool operator<(const held& a, const held& b) noexcept { return a.turn_ < b.turn_; }

        pending& client_;
        backend& owner_;
        net::sleeper sleeper_;
        std::size_t turn_ = 0;
        hook in_line_;
    };

    // took: the backend has taken a client, so two of those who wait may try. did_not_take: it has not; the
    // log is told `why` if that is news.
    void took(log& to);
    void did_not_take(log& to, outcome why, std::string_view detail);

    // known is what all workers know of it.
    [[nodiscard]] const std::shared_ptr<presence>& known() const noexcept { return presence_; }
    [[nodiscard]] bool is_away() const noexcept { return presence_->is_away(); }

    // count_in: what becomes of its clients is counted there from now on. count does nothing before that.
    void count_in(backend_counters& counters) noexcept {
        counters_ = &counters;
        relaying_.counters = &counters.relayed;
    }
    void count(outcome how) noexcept {
        if (counters_ != nullptr)
            counters_->outcomes[static_cast<std::size_t>(how)].add();
    }

  private:
    using line =
        boost::intrusive::multiset<held, boost::intrusive::member_hook<held, held::hook, &held::in_line_>,
                                   boost::intrusive::constant_time_size<false>>;

    const config::backend_settings& settings_;
    std::vector<datagram_channel> channels_; // one for each address
    target_list targets_;
    net::relay_options relaying_;
    std::shared_ptr<presence> presence_;
    std::shared_ptr<source_shares> places_;
    backend_counters* counters_ = nullptr;
    net::clock::duration pause_; // before the next knock
    net::time_point next_knock_;
    line held_;
    std::size_t turn_ = 0; // of the last one who was called
};

} // namespace snipass::server
