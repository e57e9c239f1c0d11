// SPDX-License-Identifier: BSL-1.0
/* For LD_PRELOAD: a security module that lets no descriptor through whose message begins with "WITHHELD". The
 * program has room for it, but recvmsg(2) says what it says where there is none: MSG_CTRUNC. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void withhold(struct msghdr* message) {
    for (struct cmsghdr* one = CMSG_FIRSTHDR(message); one != NULL; one = CMSG_NXTHDR(message, one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS)
            continue;
        int fd = -1;
        memcpy(&fd, CMSG_DATA(one), sizeof fd);
        close(fd);
        one->cmsg_type = -1; /* one that nobody knows */
        message->msg_flags |= MSG_CTRUNC;
    }
}

ssize_t recvmsg(int socket, struct msghdr* message, int flags) {
    ssize_t (*next)(int, struct msghdr*, int) = NULL;
    *(void**)&next = dlsym(RTLD_NEXT, "recvmsg");
    const ssize_t n = next(socket, message, flags);
    if (n >= 8 && memcmp(message->msg_iov[0].iov_base, "WITHHELD", 8) == 0)
        withhold(message);
    return n;
}
