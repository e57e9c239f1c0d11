// SPDX-License-Identifier: BSL-1.0
// What the next process needs to begin again with a client.
#include "snipass/session/moving.hpp"

#include "snipass/net/moved_time.hpp"
#include "snipass/os/tcp.hpp"

#include <utility>

namespace snipass::server {
namespace {

// Zero is no time.
upgrade::time to_moved_or_none(net::time_point when) {
    return when == net::time_point{} ? 0 : net::to_moved(when);
}

} // namespace

void leave(unrouted_client& client, const config::listener_settings& listener, bool is_admitted) {
    const auto& about = client.about;
    (void)os::wait_for_bytes(client.socket.get(), 1);
    upgrade::waiting_client known;
    known.client = about.client;
    known.via = about.via;
    known.local = about.local;
    known.id = about.id;
    known.listener = listener.address;
    known.consumed.assign(client.consumed.begin(), client.consumed.end());
    known.is_shared = client.socket.is_shared();
    known.is_admitted = is_admitted;
    known.accepted = net::to_moved(about.accepted);
    known.held_since = to_moved_or_none(client.held_since);
    client.thread.left.push_back({client.socket.release(), std::move(known)});
}

void take_over(unrouted_client& client, const upgrade::waiting_client& known) {
    auto& about = client.about;
    about.via = known.via;
    about.local = known.local;
    about.id = known.id;
    about.accepted = net::from_moved(known.accepted);
    client.consumed.assign(known.consumed.begin(), known.consumed.end());
    if (known.held_since > 0)
        client.held_since = net::from_moved(known.held_since);
}

} // namespace snipass::server
