// SPDX-License-Identifier: BSL-1.0
// balancer_header: the PROXY protocol header that a balancer in front sends before its client's hello.
#pragma once

#include "snipass/context/context.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/telling/record.hpp"

namespace snipass::server {

// What take_balancer_header says of bytes that are no PROXY protocol header, version 1 or 2. The record has
// the reason then.
inline const error_code bad_balancer_header = os::make_error(EBADMSG);

// take_balancer_header takes the header out of the socket, so that the hello comes first for whoever looks
// next, and notes in the record whom it tells of. It waits until `deadline` (net::wait_error::timed_out), and
// may be shed meanwhile (a shed_reason).
[[nodiscard]] net::task<error_code> take_balancer_header(context& thread, int client, record& about,
                                                         net::time_point deadline);

} // namespace snipass::server
