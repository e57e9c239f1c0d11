// SPDX-License-Identifier: BSL-1.0
// deliver: a routed client on its way, from backend to backend, until one has it.
#pragma once

#include "snipass/delivery/attempt.hpp"
#include "snipass/delivery/client_socket.hpp"
#include "snipass/delivery/routed_client.hpp"
#include "snipass/net/task.hpp"

#include <cstddef>
#include <variant>

namespace snipass::server {

// Nobody took the client: nothing of it is lost.
struct still_ours {
    client_socket client;
    outcome why;          // of the last backend tried; what went wrong before is in the record's detail
    bool is_left = false; // that is not its end: the next process goes on with it
    net::time_point held_since{}; // by the backend that it is left with
};

// Who has the client now.
using delivered = std::variant<handed_off, relayed, still_ours>;

// deliver offers a client to the backend `first` (an index into the snapshot's), holds it while that one is
// away, and goes on to the one that it names as sorry. What the client refers to outlives the call.
[[nodiscard]] net::task<delivered> deliver(routed_client client, std::size_t first);

} // namespace snipass::server
