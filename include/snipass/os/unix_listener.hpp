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

  private:
    void remove() noexcept;

    std::string path_; // empty: none
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

struct unix_listener {
    unique_fd fd; // non-blocking
    socket_file file;
};

// listen_unix binds a socket of `type` (SOCK_STREAM, which listens; SOCK_DGRAM, which is told who sent each
// datagram) to `path`. A socket's file that nobody is behind is replaced; with somebody there it is
// EADDRINUSE. The file has `mode` before anybody can connect.
[[nodiscard]] result<unix_listener> listen_unix(const std::string& path, int type, mode_t mode);

} // namespace snipass::os
