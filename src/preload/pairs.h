// SPDX-License-Identifier: BSL-1.0
/* Clients whose TLS has ended in snipass-tls: one end of a socket pair, which the server believes to be a TCP
 * socket. What a unix socket does not know of such a client is in the name of the other end (pair_name.h), so
 * nothing is remembered here, and forks, dups and execs change nothing. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/* pairs_addresses: false if `fd` is no such client. errno stays. */
bool pairs_addresses(int fd, struct sockaddr_storage* peer, struct sockaddr_storage* local);

/* pairs_set: `result` of setsockopt(2) as TCP would have answered: what only TCP and IP know has no effect.
 */
int pairs_set(int fd, int level, int result);

/* pairs_get is that for getsockopt(2): what a fresh TCP socket says. */
int pairs_get(int fd, int level, int option, void* value, socklen_t* size, int result);
