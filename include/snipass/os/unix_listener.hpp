// SPDX-License-Identifier: BSL-1.0
// Unix sockets that clients' sockets come in on.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"

#include <sys/types.h>

#include <string>

namespace snipass::os {

// socket_file removes a socket's file when it is destroyed, unless another socket has the path by then.
class socket_file {
  public:
    socket_file() = default;
    explicit socket_file(std::string path); // of a socket that is bound
    socket_file(socket_file&& other) noexcept;
    socket_file& operator=(socket_file&& other) noexcept;
    ~socket_file();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    // is_there: nobody has removed or replaced it.
    [[nodiscard]] bool is_there() const noexcept;
    [[nodiscard]] dev_t device() const noexcept { return device_; }
    [[nodiscard]] ino_t inode() const noexcept { return inode_; }

    // leave: another process has the socket, so the file stays. own ends that.
    void leave() noexcept { is_left_ = true; }
    void own() noexcept { is_left_ = false; }

  private:
    void remove() noexcept;

    std::string path_; // empty: none
    dev_t device_ = 0;
    ino_t inode_ = 0;
    bool is_left_ = false;
};

struct unix_listener {
    unique_fd fd; // non-blocking
    socket_file file;
};

// listen_unix binds a socket of `type` (SOCK_STREAM or SOCK_SEQPACKET, which listen; SOCK_DGRAM, which is
// told who sent each datagram) to `path`. A socket's file that nobody is behind is replaced; with somebody
// there it is EADDRINUSE. The file has `mode` before anybody can connect.
[[nodiscard]] result<unix_listener> listen_unix(const std::string& path, int type, mode_t mode);

// set_socket_mode is chmod(2) of a socket's file. A link, or what is no socket, that somebody has put in its
// place is left alone: ELOOP. Without /proc, whoever may write to the folder could still do that between two
// calls.
[[nodiscard]] error_code set_socket_mode(const std::string& path, mode_t mode);

// lent_unix is what is to be known of a unix socket that somebody else has bound.
struct lent_unix {
    int type = 0; // SOCK_STREAM or SOCK_DGRAM
    std::string path;
};

// prepare_lent_unix makes of such a socket what listen_unix would have made: non-blocking, and a SOCK_DGRAM
// one is told who sent each datagram from now on. EPROTOTYPE: it is no unix socket of either type; EINVAL: a
// SOCK_STREAM one that does not listen.
[[nodiscard]] result<lent_unix> prepare_lent_unix(int fd);

} // namespace snipass::os
