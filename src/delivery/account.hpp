// SPDX-License-Identifier: BSL-1.0
// account: clients that a backend was sent by a unix stream connection, and that it has not read.
#pragma once

#include "snipass/backends/presence.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/os/unique_fd.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace snipass::server {

// keep_account: a message that was not read is in flight, and nobody can take it back. To the backend the
// connection is closed; it goes on here only to tell when it has been read, or is gone. One stands for
// `clients`.
void keep_account(net::event_loop& loop, os::unique_fd connection, const std::shared_ptr<presence>& of,
                  const ip_address& source, std::size_t clients);

// turn_away_counted closes a connection in which descriptors may lie; its client counts until they are
// closed.
void turn_away_counted(os::unique_fd connection, const std::shared_ptr<presence>& of,
                       const ip_address& source);

// may_hold_descriptors: the backend has answered with some, or with more than a byte, where the kernel cannot
// refuse them. Nothing can follow its answer then.
[[nodiscard]] bool may_hold_descriptors(int connection);

// explain_full is why no more clients are sent to a backend (unanswered::why_not).
[[nodiscard]] std::string_view explain_full(outcome full) noexcept;

} // namespace snipass::server
