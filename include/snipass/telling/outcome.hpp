// SPDX-License-Identifier: BSL-1.0
// outcome: how a session ended. One enum, one counter, one log line.
#pragma once

#include "snipass/config/decision.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace snipass::server {

enum class outcome : std::uint8_t {
    handed_off,             // a backend owns the client's socket
    proxied,                // relayed until both sides were done
    redirected,             // answered with where to go
    no_route,               // refused by `unmatched`: a name that no route has
    no_server_name,         // refused by `unmatched`: a hello without a name
    malformed,              // refused by `malformed`
    not_tls,                // refused by `not_tls`
    no_host,                // refused by `unmatched`: a request without a Host
    not_http,               // refused by `not_http`
    denied,                 // allow or deny of the listener keeps it out
    rate_limited,           // max_rate_per_source or max_rate of the listener does
    bad_proxy_header,       // a balancer of accept_proxy_protocol began with something else
    client_closed,          // the client left before it was routed
    hello_timeout,          // the hello was not complete in time
    shed,                   // max_waiting was reached and this was the largest source's oldest
    shed_source,            // max_waiting_per_source was reached and this was the source's oldest
    backend_absent,         // no socket at the backend's path
    backend_refused,        // a socket, but nobody behind it; a proxied backend refused the connection
    backend_backlog_full,   // the backlog of its stream socket stayed full
    backend_queue_full,     // the queue of its datagram socket stayed full
    backend_max_pending,    // max_pending clients were on their way to it, and it made way
    backend_overdue,        // it has neither answered nor read max_unanswered clients
    backend_overdue_source, // its source has its share of these
    backend_declined,       // it closed without acknowledging
    backend_silent,         // it did not acknowledge within ack_timeout; no connection within connect_timeout
    backend_failed,         // anything else
    backend_drained,        // an admin lets it have no new clients
    max_relayed,            // max_relayed clients were relayed, and none of a larger source
    max_relayed_source,     // max_relayed_per_source clients of its source were relayed
    destination_refused,    // it may not be forwarded to the host it asked for (allow_destinations, a loop)
    handshake_failed,       // snipass-tls: the TLS handshake failed, or was not done in handshake_timeout
    no_certificate,         // snipass-tls: it has none for the client's name
    alpn_mismatch,          // snipass-tls: the client offers none of the backend's protocols
    no_resources,           // the kernel stayed short of memory, descriptors, or room for those in flight
    closed_by_admin,        // `snipass close`
    cut_off,                // in flight when drain_timeout was over, or not heard out a second after a stop
    internal_error,         // this process ran out of memory or descriptors
};
inline constexpr std::size_t outcome_count = static_cast<std::size_t>(outcome::internal_error) + 1;

[[nodiscard]] std::string_view to_string(outcome value) noexcept;

// is_service: the client got what it came for, as far as this router gives it.
[[nodiscard]] constexpr bool is_service(outcome value) noexcept {
    return value == outcome::handed_off || value == outcome::proxied || value == outcome::redirected;
}

// is_fault: the client was lost by a fault or a bound of this machine's or a backend's, whoever it was.
[[nodiscard]] bool is_fault(outcome value) noexcept;

// refused_as: what a client is refused as that no backend takes, by why it has none.
[[nodiscard]] outcome refused_as(config::match_kind why) noexcept;

} // namespace snipass::server
