// SPDX-License-Identifier: BSL-1.0
/* Taking the client out of a connection that a listener of ours accepted: what the server's accept() returns.
 */
#pragma once

#include "listeners.h"

enum taking_result {
    taking_done,    /* the client */
    taking_nothing, /* no handoff, or none in time: as if the connection had never been there */
    taking_full,    /* EMFILE: no descriptor for the client */
};

/* All of this is called with the thread's cancellation switched off. */

/* A descriptor that a forked child must not keep. Its number may be another's there when the child goes on,
 * if it was a signal handler that forked. */
struct taking_held {
    int fd;
    int slot; /* -1: there were too many */
};

/* taking_reserve: of a process with one descriptor left, accept() must fail before it has taken the client
 * out of the backlog (handoff_reserve). Kept while accept4() waits, as the kernel keeps the number that
 * accept4() will return. .fd is -1: EMFILE. */
struct taking_held taking_reserve(int listener);
void taking_release(struct taking_held held);

/* taking_client takes over `connection`, accepted from `listener`. It waits a moment at most. On taking_done
 * *client is acknowledged, has the flags that accept4 was asked for, and *peer is its address. */
enum taking_result taking_client(const struct listener* listener, int connection, int flags, int* client,
                                 struct sockaddr_storage* peer);

/* taking_before_close: the server is about to close `fd`. If that is a client that the router has not let go
 * of, waits until it has, within bounds. */
void taking_before_close(int fd);

/* taking_after_fork: in the child. It has copies of our descriptors, and must not have them. */
void taking_after_fork(void);
