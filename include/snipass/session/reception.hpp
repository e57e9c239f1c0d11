// Clients that another router hands to this one: the receiving half of docs/handoff.md.
#pragma once

#include "snipass/backends/generation.hpp"
#include "snipass/base/result.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/net/task.hpp"
#include "snipass/os/unique_fd.hpp"

#include <memory>

namespace snipass::server {

class worker;

// accept_handoff accepts one connection of the `stream` protocol and lets the worker receive what comes on
// it. Errors: of accept4(2).
[[nodiscard]] error_code accept_handoff(worker& owner, const std::shared_ptr<generation>& site,
                                        const config::listener_settings& listener, int socket);

// receive_stream is one such connection's life: the header with the client's socket, ACK, and the moment in
// which the sender lets go of its copy. Then the client's session begins. Until ACK the client is the
// sender's: whatever is wrong with its handoff, it is closed and the sender still has it.
[[nodiscard]] net::task<> receive_stream(worker& owner, std::shared_ptr<generation> site,
                                         const config::listener_settings& listener, os::unique_fd connection);

// receive_datagram takes one datagram, if there is one, and starts its client's session. One thread at a time
// may read a socket: a datagram is looked at first, and stays in the queue while this process has no room for
// its descriptor. Errors: EAGAIN, there is none; EMFILE.
[[nodiscard]] error_code receive_datagram(worker& owner, const std::shared_ptr<generation>& site,
                                          const config::listener_settings& listener, int socket);

} // namespace snipass::server
