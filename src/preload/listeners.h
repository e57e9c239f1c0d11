// SPDX-License-Identifier: BSL-1.0
/* The sockets of this process that take handed-off clients. What a listener is, its open socket says, in the
 * kernel: it listens at a path of ours, and bears a note. So it is recognised after fork, dup and exec, and
 * in a process that got it over a unix socket (HAProxy's workers from one another). */
#pragma once

#include "settings.h"

#include <stdint.h>

struct listener {
    int fd;
    const struct entry* entry;
    struct sockaddr_storage address; /* that the server believes in; AF_UNSPEC: it bound the path itself */
    bool v6_only;                    /* AF_INET6: IPv4 clients are none of its business (IPV6_V6ONLY) */
    bool is_diversion;               /* see diversion.h */
    uint64_t secret;                 /* of one that is none: its diversion's name has it */
};

/* listeners_entry: the entry of the socket `fd`, or NULL. errno stays. */
const struct entry* listeners_entry(int fd);

/* listeners_read is what the socket says. False: it is none of ours. errno stays. */
bool listeners_read(int fd, struct listener* listener);

/* listeners_write puts the note on the socket, which other processes may have, too. */
void listeners_write(const struct listener* listener);

/* listeners_intend: the socket behind listener->fd has become another listener's, here. It is written on the
 * socket when it is first used so (listeners_use), but not by a child of a living parent (lineage.h): what it
 * closes, its parent has still. */
void listeners_intend(const struct listener* listener);
void listeners_use(const struct listener* listener);

/* The numbers by which this process knows listeners, for what concerns several of them. Each is remembered
 * when it is first asked about. */
void listeners_remember(int fd);
void listeners_forget(int fd);
bool listeners_knows(int fd);
bool listeners_knows_another(int fd);

/* listeners_next walks those of `entry`, or all (NULL), that are listeners still (a number may have been
 * closed behind our back, and given away): *at is 0 at first, and is for this function alone. */
bool listeners_next(size_t* at, const struct entry* entry, struct listener* listener);
