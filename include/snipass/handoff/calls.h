// SPDX-License-Identifier: BSL-1.0
/* The functions of libc that somebody may stand in front of: the steps of this room call them by this table.
 * The preload library stands there itself, so its table leads past it. */
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct handoff_calls {
    int (*bind)(int fd, const struct sockaddr* address, socklen_t size);
    int (*close)(int fd);
    int (*connect)(int fd, const struct sockaddr* address, socklen_t size);
    int (*getpeername)(int fd, struct sockaddr* address, socklen_t* size);
    int (*getsockname)(int fd, struct sockaddr* address, socklen_t* size);
    int (*getsockopt)(int fd, int level, int option, void* value, socklen_t* size);
    ssize_t (*recvmsg)(int fd, struct msghdr* message, int flags);
    ssize_t (*sendmsg)(int fd, const struct msghdr* message, int flags);
    int (*setsockopt)(int fd, int level, int option, const void* value, socklen_t size);
    int (*shutdown)(int fd, int how);
};

/* The table of everybody else: libc's own. */
extern const struct handoff_calls handoff_libc;

#ifdef __cplusplus
}
#endif
