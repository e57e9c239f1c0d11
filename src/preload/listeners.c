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

struct listener listeners_of(int fd, const struct entry* entry) {
    const struct listener* known = listeners_find(fd);
    if (known != NULL && known->entry == entry && known->address.ss_family != AF_UNSPEC)
        return *known;
    return (struct listener){.fd = fd, .entry = entry, .address = entry->tcp};
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
