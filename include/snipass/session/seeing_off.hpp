// SPDX-License-Identifier: BSL-1.0
// see_off: the end of a connection that a server could not wait for (docs/handoff.md, Farewell).
#pragma once

#include "snipass/context/context.hpp"
#include "snipass/net/task.hpp"
#include "snipass/os/unique_fd.hpp"

#include <chrono>

namespace snipass::server {

// How long a client is seen off.
struct farewell_times {
    std::chrono::milliseconds message{1'000};        // until it has come
    std::chrono::milliseconds longest_stall{10'000}; // that takes no byte
    std::chrono::milliseconds longest{60'000};       // in all
};

// see_off takes a client out of `connection`, on which the kernel speaks TLS and whose buffer is full. It
// waits until there is room, says close_notify, and lets the kernel do the rest; so nothing is lost that the
// server has said. It reads nothing: the server may do so still. Anybody may connect, so each user has a
// share of context::farewells, and each client so much time.
[[nodiscard]] net::task<> see_off(context& thread, os::unique_fd connection, farewell_times times = {});

} // namespace snipass::server
