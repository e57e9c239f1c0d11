// SPDX-License-Identifier: BSL-1.0
/* What becomes of a server's bind(). */
#pragma once

#include "settings.h"

/* binding_tcp makes of a TCP socket a unix one, bound to the entry's path. As bind(2).
 *
 * Several sockets may lead to one path, and then they are the same listener: one for each worker
 * (SO_REUSEPORT), or one for each family of an entry with *. A second address of one family is EADDRINUSE,
 * and stderr says what to do. Of IPv4
 * and IPv6 listeners beside each other, those of the family that came first are the source (diversion.h). */
int binding_tcp(int fd, const struct sockaddr* address, socklen_t size, const struct entry* entry);

/* binding_unix is bind(2) to a path of ours: a file that a dead server left behind does not matter. */
int binding_unix(int fd, const struct sockaddr* address, socklen_t size, const struct entry* entry);

/* binding_before_close: the server is about to close `fd`. If that is the last number of the source, those of
 * the other family take its place. */
void binding_before_close(int fd);

/* binding_after_fork: in the child. Another thread may have been in one of the above. */
void binding_after_fork(void);
