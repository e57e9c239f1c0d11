// SPDX-License-Identifier: BSL-1.0
/* For LD_PRELOAD: a kernel before 6.16, which cannot refuse descriptors (SO_PASSRIGHTS). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
    passrights = 83
};

int setsockopt(int fd, int level, int option, const void* value, socklen_t size) {
    int (*next)(int, int, int, const void*, socklen_t) = NULL;
    if (level == SOL_SOCKET && option == passrights) {
        errno = ENOPROTOOPT;
        return -1;
    }
    *(void**)&next = dlsym(RTLD_NEXT, "setsockopt");
    return next(fd, level, option, value, size);
}
