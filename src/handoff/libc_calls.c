// SPDX-License-Identifier: BSL-1.0
/* libc's functions as a table. The preload library does not have this file. */
#include "snipass/handoff/calls.h"

#include <unistd.h>

/* glibc declares those that take an address with a type of its own, a union. */
static int call_bind(int fd, const struct sockaddr* address, socklen_t size) {
    return bind(fd, address, size);
}

static int call_connect(int fd, const struct sockaddr* address, socklen_t size) {
    return connect(fd, address, size);
}

static int call_getpeername(int fd, struct sockaddr* address, socklen_t* size) {
    return getpeername(fd, address, size);
}

static int call_getsockname(int fd, struct sockaddr* address, socklen_t* size) {
    return getsockname(fd, address, size);
}

const struct handoff_calls handoff_libc = {
    .bind = call_bind,
    .close = close,
    .connect = call_connect,
    .getpeername = call_getpeername,
    .getsockname = call_getsockname,
    .getsockopt = getsockopt,
    .recvmsg = recvmsg,
    .sendmsg = sendmsg,
    .setsockopt = setsockopt,
    .shutdown = shutdown,
};
