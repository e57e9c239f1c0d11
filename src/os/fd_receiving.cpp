// SPDX-License-Identifier: BSL-1.0
// Taking descriptors that another process passes.
#include "snipass/os/fd_receiving.hpp"

#include "snipass/os/error.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>

#ifndef SCM_PIDFD // glibc before 2.39
#define SCM_PIDFD 0x04
#endif

namespace snipass::os {
namespace {

// Room for more descriptors than one, so that too many is told from a process that may not have more.
constexpr std::size_t control_descriptors = 16;

std::optional<int> option(int fd, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(fd, level, name, &value, &size) != 0)
        return std::nullopt;
    return value;
}

bool set_option(int fd, int level, int name, int value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// Looks at a datagram whose descriptor does not come.
constexpr int max_looks = 4;

bool may_have_one_more(int any_fd) {
    return static_cast<bool>(unique_fd{::fcntl(any_fd, F_DUPFD_CLOEXEC, 0)});
}

// user_of: none if the kernel does not know who it was (a datagram that was sent before SO_PASSCRED was set,
// or a user of whom this user namespace has no number). It says process 0 of the overflow user then, and the
// user nobody has that number, too.
std::optional<uid_t> user_of(const ucred& sender) {
    constexpr uid_t overflow_user = 65534; // user_namespaces(7)
    if (sender.pid == 0 && sender.uid == overflow_user)
        return std::nullopt;
    return sender.uid;
}

// adopt owns all of a control message's descriptors before anything is judged: what is not adopted leaks.
void adopt(const cmsghdr& rights, received& into) {
    const auto size = rights.cmsg_len - CMSG_LEN(0);
    const auto* const data = CMSG_DATA(&rights);
    for (std::size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
        int number = -1;
        std::memcpy(&number, data + at, sizeof number);
        unique_fd fd{number};
        if (into.fd_count++ == 0)
            into.fd = std::move(fd);
    }
}

// added is the descriptor of the sender's process that the kernel adds where SO_PASSPIDFD is set. It may be
// an error's number, where there was no room for it.
unique_fd added(const cmsghdr& message) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(&message), sizeof number);
    return unique_fd{number < 0 ? -1 : number};
}

} // namespace

result<received> receive_fd(int socket, std::span<std::uint8_t> buffer, int flags) {
    alignas(cmsghdr) std::byte control[CMSG_SPACE(control_descriptors * sizeof(int)) +
                                       CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int))];
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const auto n = ::recvmsg(socket, &message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return last_error();
    received got;
    got.size = static_cast<std::size_t>(n);
    for (auto* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
        if (one->cmsg_level != SOL_SOCKET)
            continue;
        if (one->cmsg_type == SCM_RIGHTS)
            adopt(*one, got);
        if (one->cmsg_type == SCM_PIDFD)
            (void)added(*one); // closed again
        if (one->cmsg_type == SCM_CREDENTIALS) {
            ucred credentials{};
            std::memcpy(&credentials, CMSG_DATA(one), sizeof credentials);
            got.sender = user_of(credentials);
        }
    }
    got.cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    const bool is_lost = (message.msg_flags & MSG_CTRUNC) != 0 && got.fd_count == 0;
    got.no_room = is_lost && !may_have_one_more(socket);
    return got;
}

result<received> peek_fd(int socket, std::span<std::uint8_t> buffer) {
    auto got = receive_fd(socket, buffer, MSG_PEEK);
    // Another thread may have had the last one for a moment.
    for (int looks = 1; looks < max_looks && got && got->cut && got->fd_count == 0 && !got->no_room; ++looks)
        got = receive_fd(socket, buffer, MSG_PEEK);
    return got;
}

void drop_message(int socket) {
    (void)::recv(socket, nullptr, 0,
                 MSG_DONTWAIT | MSG_TRUNC); // descriptors without room for them are closed
}

result<uid_t> peer_user(int connection) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return last_error();
    const auto user = user_of(peer);
    return user ? result<uid_t>{*user} : make_error(EACCES);
}

bool acknowledge(int connection, std::uint8_t byte) {
    return ::send(connection, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

bool is_tcp_connection(int fd) {
    const auto domain = option(fd, SOL_SOCKET, SO_DOMAIN);
    const auto protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);
    return (domain == AF_INET || domain == AF_INET6) &&
           (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) &&
           option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 0;
}

error_code prepare_passed(int fd) {
    if (!is_tcp_connection(fd))
        return make_error(EPROTOTYPE);
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ((flags & O_NONBLOCK) != 0 && ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0))
        return last_error();
    // A socket whose client is gone may refuse them; that shows at the first look at it.
    (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    (void)set_option(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
    const linger none{};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none); // our close() is not to wait
    return {};
}

} // namespace snipass::os
