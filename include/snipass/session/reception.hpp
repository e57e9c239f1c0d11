// SPDX-License-Identifier: BSL-1.0
// Clients that another router hands to this one: the receiving half of docs/handoff.md.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/context/context.hpp"
#include "snipass/net/task.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/session/passed_client.hpp"

#include <optional>

namespace snipass::server {

// receive_stream is the life of one connection of the `stream` protocol: the header with the client's socket,
// ACK, and the moment in which the sender lets go of its copy. Until ACK the client is the sender's: whatever
// is wrong with its handoff, it is closed and the sender still has it. Nullopt: no client came, which is told
// where there is something to tell. `listener` outlives the call.
[[nodiscard]] net::task<std::optional<passed_client>>
receive_stream(context& thread, const config::listener_settings& listener, os::unique_fd connection);

// receive_datagram takes one datagram, if there is one; nullopt: it had no client. One thread at a time may
// read a socket: a datagram is looked at first, and stays in the queue while this process has no room for its
// descriptor. Errors: EAGAIN, there is none; EMFILE.
[[nodiscard]] result<std::optional<passed_client>>
receive_datagram(context& thread, const config::listener_settings& listener, int socket);

} // namespace snipass::server
