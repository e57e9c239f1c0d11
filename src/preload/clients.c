// SPDX-License-Identifier: BSL-1.0
/* See clients.h. */
#include "clients.h"

#include "next.h"

#include <errno.h>
#include <stdatomic.h>

enum {
    max_clients = 1 << 16, /* half a megabyte, of which only what is used is there */
};

static _Atomic uint64_t cookies[max_clients];
static atomic_bool is_used;

uint64_t clients_cookie(int fd) {
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    const int error = errno;
    const int result = next_getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
    errno = error;
    return result == 0 ? cookie : 0;
}

void clients_remember_mapped(int client) {
    if (client >= max_clients)
        return;
    cookies[client] = clients_cookie(client);
    is_used = true;
}

bool clients_is_mapped(int fd) {
    if (!is_used || fd < 0 || fd >= max_clients || cookies[fd] == 0)
        return false;
    return cookies[fd] == clients_cookie(fd);
}
