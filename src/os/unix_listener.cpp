// SPDX-License-Identifier: BSL-1.0
// Unix sockets that clients' sockets come in on.
#include "snipass/os/unix_listener.hpp"

#include "snipass/handoff/calls.h"
#include "snipass/handoff/unix_bind.h"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <utility>

namespace snipass::os {
namespace {

// A sender whose connect fails because of a full backlog has to poll for room (unix(7)): be generous.
// net.core.somaxconn cuts this.
constexpr int backlog = 65'535;

} // namespace

socket_file::socket_file(std::string path) : path_(std::move(path)) {
    struct stat found {};
    if (::lstat(path_.c_str(), &found) != 0)
        path_.clear();
    device_ = found.st_dev;
    inode_ = found.st_ino;
}

socket_file::socket_file(socket_file&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_),
      is_left_(other.is_left_) {}

socket_file& socket_file::operator=(socket_file&& other) noexcept {
    if (this != &other) {
        remove();
        path_ = std::exchange(other.path_, {});
        device_ = other.device_;
        inode_ = other.inode_;
        is_left_ = other.is_left_;
    }
    return *this;
}

socket_file::~socket_file() {
    remove();
}

bool socket_file::is_there() const noexcept {
    struct stat found {};
    return !path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ &&
           found.st_ino == inode_;
}

void socket_file::remove() noexcept {
    if (!is_left_ && is_there())
        (void)::unlink(path_.c_str()); // the folder may not be ours to change: the next one replaces the file
}

result<unix_listener> listen_unix(const std::string& path, int type, mode_t mode) {
    unix_listener made{unique_fd{::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)}, {}};
    if (!made.fd)
        return last_error();
    const int on = 1;
    if (type == SOCK_DGRAM && ::setsockopt(made.fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
        return last_error();
    if (::unix_listen(&handoff_libc, made.fd.get(), path.c_str(), mode, backlog) != 0)
        return last_error();
    made.file = socket_file{path};
    return made;
}

error_code set_socket_mode(const std::string& path, mode_t mode) {
    return ::unix_set_mode(&handoff_libc, path.c_str(), mode) == 0 ? error_code{} : last_error();
}

result<lent_unix> prepare_lent_unix(int fd) {
    lent_unix lent;
    sockaddr_un address{};
    socklen_t size = sizeof address;
    socklen_t type_size = sizeof lent.type;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &lent.type, &type_size) != 0)
        return last_error();
    if (address.sun_family != AF_UNIX || (lent.type != SOCK_STREAM && lent.type != SOCK_DGRAM))
        return make_error(EPROTOTYPE);
    if (lent.type == SOCK_STREAM && !is_listening(fd)) // it would be ready for ever, with nobody to accept
        return make_error(EINVAL);
    const int on = 1;
    if (lent.type == SOCK_DGRAM && ::setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
        return last_error();
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return last_error();
    lent.path = local_path(fd);
    return lent;
}

} // namespace snipass::os
