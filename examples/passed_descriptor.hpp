// SPDX-License-Identifier: BSL-1.0
// What both example backends need to take a descriptor that another process passes: one owner for it, a
// socket to get it from, one recvmsg() that loses and leaks nothing, and the question whose it was.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

struct owned_fd {
    int fd = -1;
    owned_fd() = default;
    explicit owned_fd(int number) : fd(number) {}
    owned_fd(owned_fd&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
    owned_fd& operator=(owned_fd other) noexcept { return std::swap(fd, other.fd), *this; }
    ~owned_fd() {
        if (fd >= 0)
            close(fd);
    }
};

// bind_to replaces the file that a dead server left at `path`. Where a live one is, bind() fails.
inline void bind_to(int unix_fd, const char* path, int type) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    const owned_fd probe{socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    struct stat file {};
    if (connect(probe.fd, where, sizeof address) != 0 && errno == ECONNREFUSED && lstat(path, &file) == 0 &&
        S_ISSOCK(file.st_mode))
        unlink(path);
    // Who may connect; who may hand over is checked at each handoff. The file is born with the socket's mode,
    // less what umask takes.
    if (fchmod(unix_fd, 0660) != 0 || bind(unix_fd, where, sizeof address) != 0 || chmod(path, 0660) != 0)
        throw std::system_error(errno, std::generic_category(), path);
}

// Whatever is thrown, the client was not touched: with `stream` the router still owns it and offers it to
// somebody else.
[[noreturn]] inline void refuse(const char* why) {
    throw std::runtime_error(why);
}

// out_of_descriptors is thrown where a client could not be delivered. It is not there to be told to anybody:
// with `stream` the router keeps the client, with `datagram` the queue does.
struct out_of_descriptors {};

// check_is_client: a TCP socket, and not a listening one. A client that has gone already is one, too.
inline void check_is_client(int client) {
    const auto ask = [client](int option) {
        int value = 0;
        socklen_t size = sizeof value;
        if (getsockopt(client, SOL_SOCKET, option, &value, &size) != 0)
            refuse("no descriptor, or not a socket");
        return value;
    };
    const int domain = ask(SO_DOMAIN);
    const int protocol = ask(SO_PROTOCOL);
    const bool is_tcp = (domain == AF_INET || domain == AF_INET6) && ask(SO_TYPE) == SOCK_STREAM &&
                        (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
    if (!is_tcp || ask(SO_ACCEPTCONN) != 0)
        refuse("not a client's socket");
    char layer[16] = "";
    socklen_t size = sizeof layer;
    if (getsockopt(client, IPPROTO_TCP, TCP_ULP, layer, &size) == 0 && std::strncmp(layer, "tls", 4) == 0)
        refuse("a client whose TLS the kernel speaks, and this server does so itself");
}

// receive_some is one recvmsg(). Every descriptor that comes is owned before anything is judged: the first
// one ever by `client`, which must be the only one. `sender`, where given, gets SCM_CREDENTIALS; `flags` may
// be MSG_PEEK, whose descriptor is one more copy.
inline std::size_t receive_some(int unix_fd, void* bytes, std::size_t size, owned_fd& client,
                                ucred* sender = nullptr, int flags = 0) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred))];
    iovec part{bytes, size};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const auto n = recvmsg(unix_fd, &message, flags | MSG_CMSG_CLOEXEC);
    if (n < 0)
        refuse("nothing came in time");

    bool refused = (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0;
    for (auto* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_type == SCM_CREDENTIALS && sender != nullptr)
            std::memcpy(sender, CMSG_DATA(c), sizeof *sender);
        if (c->cmsg_type != SCM_RIGHTS)
            continue;
        for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
            owned_fd adopted;
            std::memcpy(&adopted.fd, reinterpret_cast<char*>(c) + at, sizeof adopted.fd);
            refused = refused || client.fd >= 0;
            if (client.fd < 0)
                client = std::move(adopted);
        }
    }
    if ((message.msg_flags & MSG_CTRUNC) != 0 && client.fd < 0)
        throw out_of_descriptors{};
    if (refused)
        refuse("more than one descriptor, or something was cut off");
    return static_cast<std::size_t>(n);
}
