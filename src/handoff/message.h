// SPDX-License-Identifier: BSL-1.0
/* One recvmsg() that adopts every descriptor that comes along: what is not adopted leaks, or is closed by the
 * kernel where nobody can make it harmless before. */
#pragma once

#include "snipass/handoff/foreign.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

struct message {
    ssize_t size; /* -1 and errno: nothing */
    int flags;    /* msg_flags */
    size_t count;
    int descriptors[handoff_descriptors_max];
    struct ucred sender; /* of a datagram; uid -1: none */
};

/* message_receive does not wait. `flags` may be MSG_PEEK: what is peeked at is one more copy. */
void message_receive(const struct handoff_calls* calls, int fd, void* bytes, size_t size, int flags,
                     struct message* message);

/* message_take_one gives a descriptor away, to be closed by the caller. -1: there is none. */
int message_take_one(struct message* message);

/* message_close closes what is left of the descriptors, untouched: they are a router's. */
void message_close(const struct handoff_calls* calls, struct message* message);

/* message_lost: a descriptor was sent, and none came. */
bool message_lost(const struct message* message);
