/* Taking the client out of a connection that a listener of ours accepted: what the server's accept() returns.
 */
#pragma once

#include "settings.h"

enum taking_result {
    taking_done,    /* the client */
    taking_nothing, /* no handoff, or none in time: as if the connection had never been there */
    taking_full,    /* EMFILE: no descriptor for the client */
};

/* All of this is called with the thread's cancellation switched off.
 *
 * taking_reserve: of a process with one descriptor left, accept() must fail before it has taken the client
 * out of the backlog (handoff_reserve). Kept while accept4() waits, as the kernel keeps the number that
 * accept4() will return. -1: EMFILE. */
int taking_reserve(int listener);
void taking_release(int reserved);

/* taking_client takes over `connection`, accepted from `listener`. It waits a moment at most. On taking_done
 * *client is acknowledged, has the flags that accept4 was asked for, and *peer is its address. */
enum taking_result taking_client(int listener, int connection, int flags, int* client,
                                 struct sockaddr_storage* peer);

/* taking_before_close: the server is about to close `fd`. If that is a client that the router has not let go
 * of, waits until it has, within bounds. */
void taking_before_close(int fd);

/* Around fork(): the child has copies of our descriptors, and must not have them. */
void taking_before_fork(void);
void taking_after_fork(bool in_child);
