// SPDX-License-Identifier: BSL-1.0
// lent_socket: what systemd has passed, and whether a listener can have it.
#pragma once

#include "snipass/process/listener.hpp"

#include <string>

namespace snipass::server {

// Either a problem, or where the socket listens and how clients come to it.
struct lent_socket {
    std::string address;
    socket_kind kind = socket_kind::tcp;
    std::string problem; // what it is, and what to write instead
};

// prepare_lent makes `fd`, which systemd calls `name`, a socket that every worker can poll: for handoffs, or
// for clients.
[[nodiscard]] lent_socket prepare_lent(int fd, const std::string& name, bool for_handoffs);

// describe_unnamed says of a socket that no [[listener]] has what it is, and what to write to have it, or why
// none can.
[[nodiscard]] std::string describe_unnamed(int fd, const std::string& name);

} // namespace snipass::server
