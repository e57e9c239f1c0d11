// SPDX-License-Identifier: BSL-1.0
// The handoff protocols, one row and one file each.
#pragma once

#include "snipass/backends/backend.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/delivery/attempt.hpp"
#include "snipass/delivery/routed_client.hpp"

#include <cstddef>
#include <variant>

namespace snipass::server {

// An attempt that has ended, or one whose answer is waited for.
using begun_attempt = std::variant<attempt, net::task<attempt>>;

// One attempt with one of the backend's paths. It has ended `until` then, and after the backend's
// attempt_timeout.
using hand_off_by = begun_attempt(routed_client& client, backend& to, std::size_t path,
                                  net::time_point until);

hand_off_by hand_off_by_stream;
hand_off_by hand_off_by_datagram;
hand_off_by hand_off_by_scgi;

// tell_of_socket adds to facts what carries what a client says in clear whose TLS has ended in this process.
// Of one that came to us by its listener there is nothing to tell.
void tell_of_socket(const routed_client& client, proxy_protocol::facts& facts);

// function_of is the row of config::handoff_protocols as code.
[[nodiscard]] constexpr hand_off_by* function_of(config::handoff_protocol protocol) noexcept {
    switch (protocol) {
    case config::handoff_protocol::datagram:
        return hand_off_by_datagram;
    case config::handoff_protocol::scgi:
        return hand_off_by_scgi;
    case config::handoff_protocol::stream:
        break;
    }
    return hand_off_by_stream;
}

} // namespace snipass::server
