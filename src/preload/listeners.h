/* The sockets of this process that take handed-off clients. What a socket is, the kernel knows (it listens at
 * a path of ours), so listeners are recognised after fork, dup, exec and in another process. Remembered is
 * only what the kernel does not know: the TCP address that the server believes to listen at. */
#pragma once

#include "settings.h"

struct listener {
    _Atomic int fd; /* -1: a free place */
    const struct entry* entry;
    struct sockaddr_storage address; /* AF_UNSPEC: the server bound the path itself */
    bool v6_only;                    /* AF_INET6: IPv4 clients are none of its business (IPV6_V6ONLY) */
};

/* listeners_entry: the entry of the socket `fd`, or NULL. errno stays. */
const struct entry* listeners_entry(int fd);

/* listeners_of: what the server believes `fd` to be. Of a listener that was not remembered, the entry says
 * it, and what listeners_mark wrote on the socket. */
struct listener listeners_of(int fd, const struct entry* entry);
void listeners_mark(const struct listener* listener);

/* listeners_remember replaces what was known of listener.fd. */
void listeners_remember(const struct listener* listener);

/* listeners_next walks those of `entry`, or all (NULL): the first after `previous` (NULL: the first). */
struct listener* listeners_next(struct listener* previous, const struct entry* entry);

/* listeners_find: the remembered one, or NULL. */
struct listener* listeners_find(int fd);
