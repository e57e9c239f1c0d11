// SPDX-License-Identifier: BSL-1.0
// What the kernel keeps of a connection's bytes.
#include "snipass/os/buffers.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

// Of newer kernels than the headers may know.
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

namespace snipass::os {

int unsent(int fd) {
    int left = 0;
    return ::ioctl(fd, SIOCOUTQ, &left) == 0 ? left : 0;
}

void limit_unsent(int fd, std::size_t bytes) {
    const auto most = static_cast<int>(bytes);
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most);
}

std::size_t receive_room(int fd) {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    return ::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &size) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

void keep_receive_room(int fd) {
    constexpr int of_receiving = 2; // SOCK_RCVBUF_LOCK
    (void)::setsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &of_receiving, sizeof of_receiving);
}

} // namespace snipass::os
