// SPDX-License-Identifier: BSL-1.0
// Listening sockets that the process before had.
#include "snipass/process/inherited_sockets.hpp"

#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace snipass::server {
namespace {

bool is_of_kind(int fd, std::string_view kind) {
    int type = -1;
    socklen_t size = sizeof type;
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0)
        return false;
    if (kind == to_string(socket_kind::handoff_datagram))
        return type == SOCK_DGRAM;
    return type == SOCK_STREAM && os::is_listening(fd);
}

bool is_reached(const upgrade::listener& known, int fd) {
    const os::file_id file{static_cast<dev_t>(known.device), static_cast<ino_t>(known.inode)};
    return os::local_path(fd) == known.path && file != os::file_id{} && os::file_at(known.path) == file;
}

} // namespace

void inherited_sockets::add(const upgrade::listener& known, os::unique_fd fd) {
    if (!is_of_kind(fd.get(), known.kind))
        return;
    const auto bound = os::local_endpoint(fd.get()); // fails for a unix socket
    if (known.path.empty() && bound && *bound == known.bound)
        tcp_.push_back({known.address, known.bound, std::make_shared<const os::unique_fd>(std::move(fd))});
    else if (!known.path.empty() && is_reached(known, fd.get()))
        unix_.push_back({known.path, known.kind, std::move(fd)});
}

// With port 0 it has the port that the kernel chose then. A link-local address is of an interface, too.
const inherited_sockets::tcp_socket*
inherited_sockets::find(std::string_view written, const ip_endpoint& bound, unsigned interface) const {
    const auto found = std::ranges::find_if(tcp_, [&](const tcp_socket& one) {
        return one.written == written || (one.bound == bound && interface == 0);
    });
    return found == tcp_.end() ? nullptr : &*found;
}

std::optional<os::unix_listener> inherited_sockets::find_unix(std::string_view path, socket_kind kind) const {
    const auto found = std::ranges::find_if(
        unix_, [&](const unix_socket& one) { return one.path == path && one.kind == to_string(kind); });
    if (found == unix_.end())
        return std::nullopt;
    os::unix_listener made{os::unique_fd{::fcntl(found->fd.get(), F_DUPFD_CLOEXEC, 0)},
                           os::socket_file{found->path}};
    made.file.leave();
    if (!made.fd)
        return std::nullopt;
    return made;
}

} // namespace snipass::server
