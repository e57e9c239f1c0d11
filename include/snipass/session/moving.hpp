// SPDX-License-Identifier: BSL-1.0
// moving: a client that no backend has, from one process to the next.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/context/moved_client.hpp"
#include "snipass/session/hearing.hpp"

namespace snipass::server {

// leave gives it to its thread (context::left), and has it no more. is_admitted: it was asked whether it may
// come.
void leave(unrouted_client& client, const config::listener_settings& listener, bool is_admitted);

// take_over gives the client what is known of it besides its socket.
void take_over(unrouted_client& client, const upgrade::waiting_client& known);

} // namespace snipass::server
