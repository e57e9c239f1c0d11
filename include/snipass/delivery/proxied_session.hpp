// SPDX-License-Identifier: BSL-1.0
// proxied_session: what is left of a session while it is relayed.
#pragma once

#include "snipass/backends/hellos_under_way.hpp"
#include "snipass/context/context.hpp"
#include "snipass/delivery/routed_client.hpp"
#include "snipass/net/relay.hpp"
#include "snipass/telling/record.hpp"
#include "snipass/upgrade/state.hpp"

#include <memory>
#include <string_view>

namespace snipass::server {

// backend_side is the other end of what is relayed.
struct backend_side {
    os::unique_fd connection;
    relay_facts where;
    counted counted_there;
    hellos_under_way::mark mark; // of the client's hello; of none where nobody looks for a loop
};

// moved_relay is one that another process had: what it knew, and what it left.
struct moved_relay {
    upgrade::relayed_client known;
    net::relay_sockets sockets;
    net::relay_pipes pipes;
};

// A proxied_session takes the place of the session's coroutines, which have ended: it is all that is kept of
// an idle one: at most 1 KiB, for which a long ALPN offer is cut. It finishes its record when it ends.
class proxied_session final : public net::relay, private source_shares::place {
  public:
    // begin takes a client that may be relayed (relay_room), and its record; from then on the session's end
    // is told here. One of another source may end for it. `to` is one of the snapshot's backends, and the
    // connection to it is open and greeted. False: the session has ended already.
    static bool begin(routed_client& client, backend& to, backend_side other);

    // go_on takes one over. Its backend may be gone from the file, or the address that it is at: then it ends
    // here, as at a reload.
    static void go_on(context& thread, moved_relay one);

    proxied_session(routed_client& client, backend& to, backend_side other);
    proxied_session(context& thread, std::shared_ptr<configuration_snapshot> snapshot, backend& to,
                    moved_relay one);

    // known is what the next process needs, besides its descriptors (net::relay::add_descriptors).
    [[nodiscard]] upgrade::relayed_client known() const;

    // must_end: a reload to `now` takes away what this session uses (config::is_removed).
    [[nodiscard]] bool must_end(const config::configuration& now) const;

    // about is its record, and where it is relayed to.
    [[nodiscard]] const record& about() const noexcept { return about_; }

  private:
    static bool start(context& thread, std::unique_ptr<proxied_session> session);
    void answered() override { mark_ = {}; }
    void ended(const net::relay_result& how) override;

    context& thread_;
    in_flight::client counted_{thread_.clients};
    std::shared_ptr<configuration_snapshot> snapshot_;
    backend& to_;
    counted at_;
    record about_;
    relay_facts where_;
    hellos_under_way::mark mark_; // until the backend has answered: then this is no loop
};

} // namespace snipass::server
