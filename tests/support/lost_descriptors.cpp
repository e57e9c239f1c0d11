// SPDX-License-Identifier: BSL-1.0
#include "lost_descriptors.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

namespace snipass::testing {
namespace {

std::atomic<bool> is_losing = false;

void close_all(const cmsghdr& rights) {
    for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= rights.cmsg_len; at += sizeof(int)) {
        int fd = -1;
        std::memcpy(&fd, reinterpret_cast<const char*>(&rights) + at, sizeof fd);
        (void)::close(fd);
    }
}

// lose: SCM_RIGHTS is the last of the messages.
void lose(msghdr& message) {
    for (auto* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS)
            continue;
        close_all(*one);
        message.msg_controllen =
            static_cast<std::size_t>(reinterpret_cast<char*>(one) - static_cast<char*>(message.msg_control));
        message.msg_flags |= MSG_CTRUNC;
        return;
    }
}

} // namespace

losing_descriptors::losing_descriptors() {
    is_losing = true;
}

losing_descriptors::~losing_descriptors() {
    is_losing = false;
}

} // namespace snipass::testing

extern "C" {

// A sanitizer's, where there is one: it must see what comes.
[[gnu::weak]] ssize_t __interceptor_recvmsg(int socket, msghdr* message, int flags);

// The program's own comes before libc's, for the libraries that it is linked with, too.
ssize_t recvmsg(int socket, msghdr* message, int flags) {
    const auto n = __interceptor_recvmsg != nullptr ? __interceptor_recvmsg(socket, message, flags)
                                                    : ::syscall(SYS_recvmsg, socket, message, flags);
    if (n >= 0 && snipass::testing::is_losing)
        snipass::testing::lose(*message);
    return n;
}

} // extern "C"
