// SPDX-License-Identifier: BSL-1.0
// refusal: how a connection ends that nobody takes.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/context/context.hpp"
#include "snipass/net/task.hpp"
#include "snipass/os/unique_fd.hpp"

#include <cstdint>

namespace snipass::server {

// refuse ends a client of `source` as the file says of those whom no route takes: close, reset or alert.
[[nodiscard]] net::task<> refuse(context& thread, const ip_address& source, os::unique_fd client,
                                 config::policy how, std::uint8_t alert);

// close_in_order: FIN, and a moment in which the client can read what it was sent.
[[nodiscard]] net::task<> close_in_order(context& thread, const ip_address& source, os::unique_fd client);

} // namespace snipass::server
