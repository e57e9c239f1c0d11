/* See listeners.h. */
#include "listeners.h"

#include "next.h"

#include <errno.h>
#include <string.h>

enum {
    max_listeners = 64
};

/* Guarded by the order of events: servers bind before they serve, from one thread. Only the numbers are read
 * by every thread that closes something. */
static struct listener listeners[max_listeners];
static _Atomic size_t listener_count;

const struct entry* listeners_entry(int fd) {
    const int error = errno;
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    const struct entry* entry = NULL;
    if (!settings_empty() && next_getsockname(fd, (struct sockaddr*)&address, &size) == 0 &&
        address.ss_family == AF_UNIX)
        entry = settings_entry_for((struct sockaddr*)&address, size);
    errno = error;
    return entry;
}

struct listener* listeners_find(int fd) {
    for (size_t i = 0; i < listener_count; ++i)
        if (listeners[i].fd == fd)
            return &listeners[i];
    return NULL;
}

struct listener* listeners_next(struct listener* previous, const struct entry* entry) {
    for (size_t i = previous == NULL ? 0 : (size_t)(previous - listeners) + 1; i < listener_count; ++i)
        if (listeners[i].fd >= 0 && (entry == NULL || listeners[i].entry == entry))
            return &listeners[i];
    return NULL;
}

/* The kernel keeps one number for us that a listener has no other use for, and that travels with the socket
 * into whatever process gets it (HAProxy passes its listeners to its next worker over a unix socket). */
enum {
    mark_magic = 0x736e7000,
    mark_v6 = 1,
    mark_v6_only = 2
};

void listeners_mark(const struct listener* listener) {
    const int mark = mark_magic | (listener->address.ss_family == AF_INET6 ? mark_v6 : 0) |
                     (listener->v6_only ? mark_v6_only : 0);
    (void)next_setsockopt(listener->fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
}

struct listener listeners_of(int fd, const struct entry* entry) {
    const struct listener* known = listeners_find(fd);
    if (known != NULL && known->entry == entry && known->address.ss_family != AF_UNSPEC)
        return *known;
    struct listener listener = {.fd = fd, .entry = entry, .address = entry->tcp};
    int mark = 0;
    socklen_t size = sizeof mark;
    if (next_getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, &size) != 0 || (mark & ~0xff) != mark_magic)
        return listener;
    if (entry->any_address && (mark & mark_v6) != 0)
        listener.address.ss_family = AF_INET6; /* the port has the same place, and the address is 0 in both */
    listener.v6_only = (mark & mark_v6_only) != 0;
    return listener;
}

void listeners_remember(const struct listener* listener) {
    size_t at = 0;
    while (at < listener_count && listeners[at].fd >= 0 && listeners[at].fd != listener->fd)
        ++at;
    if (at == max_listeners)
        return; /* its entry will do */
    listeners[at] = *listener;
    if (at == listener_count)
        ++listener_count;
}
