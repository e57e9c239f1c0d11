// SPDX-License-Identifier: BSL-1.0
/* See clients.h. */
#include "clients.h"

#include "next.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
    max_clients = 1 << 16, /* half a megabyte, of which only what is used is there */
};

static _Atomic uint64_t cookies[max_clients]; /* SO_COOKIE, which no two sockets share */
static atomic_bool is_used;

static uint64_t cookie_of(int fd) {
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return next_getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

void clients_remember_mapped(int client) {
    if (client >= max_clients)
        return;
    cookies[client] = cookie_of(client);
    is_used = true;
}

bool clients_is_mapped(int fd) {
    if (!is_used || fd < 0 || fd >= max_clients || cookies[fd] == 0)
        return false;
    const int error = errno;
    const bool same = cookies[fd] == cookie_of(fd);
    errno = error;
    return same;
}
