// SPDX-License-Identifier: BSL-1.0
// Taking descriptors that another process passes (SCM_RIGHTS, unix(7)).
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace snipass::os {

// received is one message. Every descriptor that came was adopted; all but the first are closed again.
struct received {
    std::size_t size = 0;
    unique_fd fd;
    std::size_t fd_count = 0;
    std::optional<uid_t> sender; // of a datagram, by the kernel's word; none: it does not know
    bool cut = false;            // bytes or descriptors did not fit
    bool no_room = false;        // the descriptor was lost, and this process may not have one more
};

// receive_fd is recvmsg(2) without waiting; `flags` may add MSG_PEEK, whose descriptor is one more copy.
[[nodiscard]] result<received> receive_fd(int socket, std::span<std::uint8_t> buffer, int flags = 0);

// peek_fd is that for a datagram which stays in the queue. no_room, and not only cut, if its descriptor may
// come another time: what is lost again and again while there is room (a security module refuses it) will
// not.
[[nodiscard]] result<received> peek_fd(int socket, std::span<std::uint8_t> buffer);

// drop_message takes a datagram, and what came with it, out of the queue.
void drop_message(int socket);

// peer_user is the effective user of the process that connected (SO_PEERCRED). EACCES: the kernel does not
// know.
[[nodiscard]] result<uid_t> peer_user(int connection);

// acknowledge sends one byte; false if the peer does not listen any more.
[[nodiscard]] bool acknowledge(int connection, std::uint8_t byte);

// is_tcp_connection: a stream socket of TCP, which does not listen.
[[nodiscard]] bool is_tcp_connection(int fd);

// prepare_passed makes of a descriptor what accept_client would have returned: blocking, with
// TCP_NODELAY, SO_RCVLOWAT of 1, and a close(2) that does not wait. EPROTOTYPE: it is no TCP connection.
[[nodiscard]] error_code prepare_passed(int fd);

} // namespace snipass::os
