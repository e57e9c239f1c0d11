// SPDX-License-Identifier: BSL-1.0
// Unix sockets: connect to a backend, pass a descriptor.
#include "snipass/os/unix_socket.hpp"

#include "rights.hpp"

#include "snipass/os/error.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#ifndef SO_PASSRIGHTS // Linux 6.16
#define SO_PASSRIGHTS 83
#endif

namespace snipass::os {
namespace {

bool refuse_descriptors(int socket) noexcept {
    const int off = 0;
    return ::setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off) == 0;
}

} // namespace

bool has_names_of_files() noexcept {
    return ::access("/proc/self/fd", F_OK) == 0;
}

bool can_refuse_descriptors() noexcept {
    static const bool can = [] {
        const unique_fd one{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        return refuse_descriptors(one.get());
    }();
    return can;
}

result<unique_fd> connect_unix(std::string_view path, int type) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return make_error(ENAMETOOLONG);
    path.copy(address.sun_path, path.size());
    const bool abstract = path.front() == '@';
    if (abstract)
        address.sun_path[0] = '\0';
    // An abstract name ends with the address, a path with its NUL.
    const auto size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0U : 1U));

    unique_fd fd{::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd)
        return last_error();
    if (type == SOCK_STREAM && can_refuse_descriptors())
        (void)refuse_descriptors(fd.get());
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0)
        return last_error();
    return fd;
}

result<unique_fd> connect_unix_of(uid_t owner, std::string_view path, int type) {
    if (path.starts_with('@')) {
        auto connected = connect_unix(path, type);
        ucred listener{};
        socklen_t size = sizeof listener;
        if (connected && (::getsockopt(connected->get(), SOL_SOCKET, SO_PEERCRED, &listener, &size) != 0 ||
                          listener.uid != owner))
            return make_error(EPERM);
        return connected;
    }
    const unique_fd file{::open(std::string{path}.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    struct stat found {};
    if (!file || ::fstat(file.get(), &found) != 0)
        return last_error();
    if (!S_ISSOCK(found.st_mode) || found.st_uid != owner)
        return make_error(EPERM);
    // What lies at the path now may be something else; this is the file that was looked at.
    auto connected = connect_unix("/proc/self/fd/" + std::to_string(file.get()), type);
    if (!connected && connected.error() == make_error(ENOENT) && !has_names_of_files())
        return make_error(ENOSYS);
    return connected;
}

result<std::size_t> send_with_fd(int socket, byte_view payload, int passed) {
    alignas(cmsghdr) std::byte control[room_for<1>]{};
    iovec data{const_cast<std::uint8_t*>(payload.data()), payload.size()}; // sendmsg does not write to it
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    attach(message, control, {&passed, 1});
    const auto n = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return last_error();
    return static_cast<std::size_t>(n);
}

ssize_t peek_bytes_alone(int socket, std::span<std::uint8_t> to) noexcept {
    iovec part{to.data(), to.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1; // and no room for descriptors, so the kernel says that there are some
    const auto n = ::recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT);
    if (n <= 0 || (message.msg_flags & MSG_CTRUNC) == 0)
        return n;
    errno = EPROTO;
    return -1;
}

result<socket_pair> pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return last_error();
    socket_pair made{unique_fd{ends[0]}, unique_fd{ends[1]}};
    if (can_refuse_descriptors())
        (void)refuse_descriptors(made.near.get());
    return made;
}

void refuse_answer(int socket) {
    (void)::shutdown(socket, SHUT_RD); // fails only if the peer is gone, and then it cannot answer either
}

std::string local_path(int socket) {
    sockaddr_un address{};
    socklen_t size = sizeof address;
    constexpr auto start = offsetof(sockaddr_un, sun_path);
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        address.sun_family != AF_UNIX || size <= start)
        return {};
    if (address.sun_path[0] != '\0')
        return std::string(address.sun_path, ::strnlen(address.sun_path, size - start));
    return "@" + std::string(address.sun_path + 1, size - start - 1);
}

file_id file_at(const std::string& path) noexcept {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return {};
    return {status.st_dev, status.st_ino};
}

} // namespace snipass::os
