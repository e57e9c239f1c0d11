// SPDX-License-Identifier: BSL-1.0
// shake_hands: a handshake, step by step, with the waits in between.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/net/task.hpp"
#include "snipass/terminate/connection.hpp"

namespace snipass::terminate {

// shake_hands goes on from `last`, what the step before came to. No error: the handshake is done. EPROTO: it
// has failed, and the connection knows why. Else what ended the wait: the deadline, or an interruption of the
// watch.
[[nodiscard]] net::task<error_code> shake_hands(connection& tls, progress last, net::fd_watch& watch,
                                                net::time_point deadline);

} // namespace snipass::terminate
