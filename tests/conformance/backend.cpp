// SPDX-License-Identifier: BSL-1.0
#include "backend.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstring>

namespace snipass::conformance {

namespace {

constexpr std::size_t header_size = 16; // PROXY protocol v2, before what its length covers
constexpr std::size_t largest_header = 1'024;

// The descriptor that came with a message; others, of which there should be none, are closed.
unique_fd taken_from(msghdr& message) {
    unique_fd client;
    for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        const auto count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
            unique_fd owned{fd};
            if (!client)
                client = std::move(owned);
        }
    }
    return client;
}

bool read_rest(int connection, std::size_t size) {
    std::array<char, largest_header> rest;
    if (size > rest.size())
        return false;
    return size == 0 || ::recv(connection, rest.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

// take_socket follows docs/handoff.md: header and descriptor, ACK, end of file. Null: nothing was handed
// over.
unique_fd take_socket(int connection) {
    constexpr timeval patience{2, 0};
    (void)::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::array<unsigned char, header_size> header{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> control;
    iovec part{header.data(), header.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto n = ::recvmsg(connection, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    if (n <= 0)
        return {};
    auto client = taken_from(message);
    const auto rest = static_cast<std::size_t>(header[14]) << 8 | header[15];
    if (n != static_cast<ssize_t>(header.size()) || !client || !read_rest(connection, rest))
        return {};
    const char ack = 6;
    char end = 0;
    if (::send(connection, &ack, 1, MSG_NOSIGNAL) != 1)
        return {};
    (void)::recv(connection, &end, 1, 0); // the router's copy is closed
    (void)::fcntl(client.get(), F_SETFL, O_NONBLOCK);
    return client;
}

} // namespace

std::optional<unique_fd> backend::accept() {
    for (;;) {
        const int flags = SOCK_CLOEXEC | (takes_sockets_ ? 0 : SOCK_NONBLOCK);
        unique_fd connection{::accept4(listener_.get(), nullptr, nullptr, flags)};
        if (!connection)
            return std::nullopt;
        if (!takes_sockets_)
            return connection;
        if (auto client = take_socket(connection.get()))
            return client;
    }
}

} // namespace snipass::conformance
