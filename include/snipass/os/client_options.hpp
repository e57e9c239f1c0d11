// SPDX-License-Identifier: BSL-1.0
// What belongs to a client's socket, and so to everybody who has a copy of it: its flags and options.
#pragma once

namespace snipass::os {

// make_as_accepted is for a client that another router handed over: blocking, with TCP_NODELAY, SO_OOBINLINE,
// SO_RCVLOWAT of 1, and a close(2) that does not wait, as accept_client would have returned it.
void make_as_accepted(int fd);

// restore_client is for one that a backend had in its hands and did not take: whatever can be put back is as
// for a client that was just accepted, so that the next one does not find what the last one left. What
// cannot: a filter that was locked (SO_LOCK_FILTER), a device that the socket was bound to, kernel TLS, bytes
// that were read or written, a shutdown(2).
void restore_client(int fd);

// reset_at_close: when the last copy of it is closed it ends with RST (SO_LINGER of 0, socket(7)), whoever
// closes that; or by FIN, as is usual.
void reset_at_close(int fd, bool is_on);

} // namespace snipass::os
