// SPDX-License-Identifier: BSL-1.0
// Unix sockets: connect to a backend, pass a descriptor.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace snipass::os {

// connect_unix makes a non-blocking socket of `type` (SOCK_STREAM, SOCK_DGRAM) and connects it to `path`; a
// leading '@' names the abstract namespace (unix(7)). Errors that matter: ENOENT (no such socket),
// ECONNREFUSED (nobody listens), EAGAIN (a stream listener's backlog is full; no event will announce room).
// Whoever accepts it cannot send descriptors along, where the kernel can refuse them.
[[nodiscard]] result<unique_fd> connect_unix(std::string_view path, int type);

// connect_unix_of connects only to a socket of the user `owner`: its file is not followed if it is a link,
// and is that user's, whoever listens for him (systemd, say); one in the abstract namespace has no file, so
// there the listener is that user. Otherwise: EPERM. ENOSYS: without /proc nobody can connect to a file that
// he has looked at.
[[nodiscard]] result<unique_fd> connect_unix_of(uid_t owner, std::string_view path, int type);

// has_names_of_files: /proc/self/fd is there, by which an open file is reached again.
[[nodiscard]] bool has_names_of_files() noexcept;

// can_refuse_descriptors: this kernel tells whoever sends descriptors to a socket that does not want any
// (EPERM; SO_PASSRIGHTS, Linux 6.16). Older ones close them in the thread that reads or closes the socket,
// which may take its time.
[[nodiscard]] bool can_refuse_descriptors() noexcept;

// send_with_fd sends `payload` and the descriptor on its first byte (SCM_RIGHTS, unix(7)) in one sendmsg(2).
// Returns the number of bytes sent. EAGAIN, ENOBUFS and ETOOMANYREFS are ordinary: the receiver has not kept
// up.
[[nodiscard]] result<std::size_t> send_with_fd(int socket, byte_view payload, int passed);

// peek_bytes_alone is recv(2) with MSG_PEEK, which ends behind bytes that came with descriptors. EPROTO: some
// did, where the kernel cannot refuse them; none was received.
[[nodiscard]] ssize_t peek_bytes_alone(int socket, std::span<std::uint8_t> to) noexcept;

// pair is socketpair(2): two stream sockets that are connected to each other, close-on-exec, blocking.
// Whoever gets the far one cannot send descriptors, where the kernel can refuse them.
struct socket_pair {
    unique_fd near;
    unique_fd far;
};
[[nodiscard]] result<socket_pair> pair();

// refuse_answer ends the peer's right to answer on a unix stream socket: from now on its send fails with
// EPIPE (shutdown(2), SHUT_RD). What it sent before can still be read.
void refuse_answer(int socket);

// local_path is where a unix socket is bound: a path, or "@name" in the abstract namespace; empty: nowhere,
// or it is no unix socket.
[[nodiscard]] std::string local_path(int socket);

// file_id names a file whatever its path; all zero: there is none.
struct file_id {
    dev_t device = 0;
    ino_t inode = 0;

    bool operator==(const file_id&) const = default;
};

// file_at is stat(2): which file is at `path` now.
[[nodiscard]] file_id file_at(const std::string& path) noexcept;

} // namespace snipass::os
