// SPDX-License-Identifier: BSL-1.0
// What the kernel keeps of a connection's bytes: not sent, not acknowledged, not read.
#pragma once

#include <cstddef>

namespace snipass::os {

// unsent is how many bytes of the send queue the peer has not acknowledged (SIOCOUTQ, tcp(7)); of a unix
// socket's, not read. 0 for a socket that has failed.
[[nodiscard]] int unsent(int fd);

// limit_unsent: no more than this waits to be sent (TCP_NOTSENT_LOWAT, tcp(7)), and when half of it has left,
// the socket takes more. What is in flight does not count.
void limit_unsent(int fd, std::size_t bytes);

// receive_room is how much memory what is received may take (SO_RCVBUF, socket(7)). The kernel grants more
// the faster the socket is read. keep_receive_room ends that (SO_BUF_LOCK), from Linux 5.14 on.
[[nodiscard]] std::size_t receive_room(int fd);
void keep_receive_room(int fd);

} // namespace snipass::os
