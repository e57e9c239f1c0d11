// SPDX-License-Identifier: BSL-1.0
// Whether a client may come at all.
#include "snipass/session/admission.hpp"

#include <sys/socket.h>

#include <chrono>
#include <cstdint>

namespace snipass::server {
namespace {

// The kernel's name for a socket, whoever has it (SO_COOKIE, socket(7)); 0 if it has none.
std::uint64_t cookie_of(int fd) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

} // namespace

std::optional<outcome> turn_away(record& about, const configuration_snapshot& snapshot,
                                 const config::listener_settings& listener) {
    const auto& limits = *listener.admission;
    if (const auto why = limits.why_denied(about.client.address); !why.empty()) {
        about.detail = why;
        return outcome::denied;
    }
    if (!limits.limits_rates())
        return std::nullopt;
    // Behind a balancer it was accepted a while ago.
    const auto now = about.via ? net::clock::now() : about.accepted;
    const auto why =
        snapshot.arrivals_at(listener).why_too_often(about.client.address, limits, now.time_since_epoch());
    if (why.empty())
        return std::nullopt;
    about.detail = why;
    return outcome::rate_limited;
}

bool goes_round(const unrouted_client& client) {
    constexpr std::size_t most = 16; // no chain of routers is so long
    return client.thread.handed_over.count_one(cookie_of(client.socket.get())) > most;
}

} // namespace snipass::server
