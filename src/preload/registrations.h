// SPDX-License-Identifier: BSL-1.0
/* What an event loop has asked epoll to watch. A registration belongs to the open socket and not to its
 * number: where we put another socket behind a number of the server's, or the server closes one of several
 * numbers of one socket, epoll must be told, as it need not be on TCP. The kernel says who watches what
 * (/proc/self/fdinfo); where it cannot be asked (a chroot without /proc, no descriptor left), nothing is
 * found. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct registration {
    int epoll;
    uint32_t events;
    uint64_t data;
};

/* registrations_made: this process has made an epoll. One that a fork has from its parent watches for the
 * parent, and is left alone as long as that lives. */
void registrations_made(int epoll);

/* registrations_before_fork: what a dead parent left is this process's, and not its children's. */
void registrations_before_fork(void);

/* registrations_drop ends those of `fd`, whose number is about to go while the socket lives on. */
void registrations_drop(int fd);

enum {
    max_registrations = 16, /* of one number: one for each event loop of the process */
};

/* registrations_take ends all of `fd`, and says what they were. Allocates nothing: servers close in signal
 * handlers. */
size_t registrations_take(int fd, struct registration found[max_registrations]);

/* registrations_give registers what `fd` has become in their place. */
void registrations_give(int fd, const struct registration* found, size_t count);
