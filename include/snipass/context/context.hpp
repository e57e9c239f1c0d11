// SPDX-License-Identifier: BSL-1.0
// context: what a session needs of its thread.
#pragma once

#include "snipass/backends/configuration_snapshot.hpp"
#include "snipass/backends/pending.hpp"
#include "snipass/base/source_shares.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/context/comings.hpp"
#include "snipass/context/ech_channel.hpp"
#include "snipass/context/id_source.hpp"
#include "snipass/context/in_flight.hpp"
#include "snipass/context/moved_client.hpp"
#include "snipass/context/relay_room.hpp"
#include "snipass/context/waiting_room.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/name_cache.hpp"
#include "snipass/net/peek_buffer.hpp"
#include "snipass/net/relay_group.hpp"
#include "snipass/opening/reader.hpp"
#include "snipass/os/redirection.hpp"
#include "snipass/telling/access_log.hpp"
#include "snipass/telling/log.hpp"
#include "snipass/telling/moved_record.hpp"
#include "snipass/telling/recent_failures.hpp"
#include "snipass/telling/record.hpp"
#include "snipass/telling/stats.hpp"

#include <climits>
#include <memory>
#include <string_view>
#include <vector>

namespace snipass::server {

// So many clients are seen off at a time, for servers that could not wait (session/seeing_off).
inline constexpr std::size_t max_farewells = 1'000;

// context is one thread's, and its worker owns it. The sessions of that thread, and all that serves them,
// take it and use its members as they are.
struct context {
    context(address_book& known, log& target);

    address_book& book;
    log& events;
    net::event_loop loop;
    stats counters;
    access_log lines;
    recent_failures failures; // with [metrics] only
    net::peek_buffer buffer;  // good until the next wait
    opening::answer heard;    // to what is in the buffer, and good as long
    waiting_room waiting;
    pending_room pending; // has the clients that are on their way to a backend
    in_flight clients;
    comings handed_over;     // by other routers
    relay_room relayed;      // has the clients of relays
    waiting_room handshakes; // has clients whose TLS is about to end here, and
    relay_room in_clear;     // those whose has; the router has none
    // has clients whose servers could not wait for their end; a user is a source.
    source_shares farewells{max_farewells};
    ech_channel ech{loop}; // to snipass-ech
    net::relay_group relays;
    net::name_cache names; // of hosts that clients choose
    id_source ids;
    former_texts former; // of clients that came from the process before
    // Once the process leaves its clients to the next (process/leaving): those that wait come here.
    bool is_leaving = false;
    std::vector<moved_client> left;
    os::redirection redirected; // clients, by this machine's firewall
    // in_use is what new clients get; null before the first configuration.
    std::shared_ptr<configuration_snapshot> in_use;
    // Descriptors with this number and those above are for clients that are handed off: whatever there is to
    // relay, some are left. The kernel gives out the lowest number that is free.
    int kept_from = INT_MAX;
    std::vector<ip_endpoint> listening; // where this thread's listeners are

    // listens_on: who connects to `one`, an address of this machine, is a client of this router.
    [[nodiscard]] bool listens_on(const ip_endpoint& one) const;

    // make_room: descriptors or memory are needed, and there are none. Of the source that has most, the
    // oldest session that waits is ended, or the newest client that is on its way to a backend makes way, by
    // the next turn of the loop. False: none waits, and those on their way are few, and will soon be there.
    bool make_room();

    // tell_in_flight: the kernel lets our user have no more descriptors in flight (ETOOMANYREFS).
    void tell_in_flight();

    // finish is a session's last act. at_listener: where it is counted besides; null without [metrics].
    void finish(record& one, outcome_counters* at_listener = nullptr);

    // refuse_handoff tells that what came to a handoff listener is none.
    void refuse_handoff(const config::listener_settings& listener, std::string_view why);

  private:
    void count(record& one, outcome_counters& at_listener);

    net::time_point told_no_room_{};
    net::time_point told_in_flight_{};
    net::time_point told_refused_{};
};

} // namespace snipass::server
