// SPDX-License-Identifier: BSL-1.0
// The `datagram` protocol: the client's socket, and its first bytes.
#include "protocols.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"

#include <utility>

namespace snipass::server {
namespace {

// send: a datagram carries the opening. What the client has sent behind it (early data) the receiver finds in
// the socket, and a small receiver need not have room for it. send takes the client's first bytes out of its
// socket only when the channel is believed to have room. Where that was wrong they are kept for the next
// attempt.
error_code send(routed_client& client, datagram_channel& channel) {
    const auto bytes = client.first_bytes();
    if (!bytes)
        return bytes.error();
    if (const auto ec = channel.ready(bytes->size()))
        return ec;
    if (client.consumed.empty()) {
        const auto taken = client.socket.take_out(bytes->size());
        if (!taken)
            return taken.error();
    }
    const auto ec = channel.send(client.socket.get(), *bytes);
    if (ec && client.consumed.empty())
        client.consumed.assign(bytes->begin(), bytes->end());
    return ec;
}

constexpr std::string_view overdue = "its part of max_unanswered clients lies unread in its queue";

} // namespace

begun_attempt hand_off_by_datagram(routed_client& client, backend& to, std::size_t path,
                                   net::time_point /*until*/) {
    auto& channel = to.channels()[path];
    auto ec = send(client, channel);
    if (ec == os::make_error(ECONNREFUSED)) // maybe a receiver that was restarted
        ec = send(client, channel);
    if (!ec) {
        client.socket.close();
        return handed_off{};
    }
    return not_taken{.why = to_outcome(ec, outcome::backend_queue_full),
                     .error = ec,
                     .detail = ec == os::make_error(EDQUOT) ? overdue
                                                            : why_not_theirs(ec, *to.settings().handoff()),
                     .is_final = ec == os::make_error(EMSGSIZE)};
}

} // namespace snipass::server
