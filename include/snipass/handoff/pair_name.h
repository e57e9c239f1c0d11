// SPDX-License-Identifier: BSL-1.0
/* The name of a socket pair's end, which says who the client is whose TLS has ended there.
 *
 * A unix socket has no address of a client. But the kernel tells whoever has one end what the other end is
 * bound to (getpeername(2)), for as long as that one lives, in every process that gets it: after a fork, an
 * exec, a dup. So snipass-tls binds its own end to a name in the abstract namespace that has both addresses
 * in it. Nobody listens there. Names that strangers choose are believed of nobody: ask who made the pair
 * (sender.h). */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    handoff_pair_random_size = 12
};

/* handoff_write_pair_name makes the name of a client of two IP addresses. `random` has
 * handoff_pair_random_size bytes, made for this end alone, so that nobody has the name before it. It returns
 * the address's size for bind(2); 0: these are no IP addresses. */
socklen_t handoff_write_pair_name(const struct sockaddr_storage* peer, const struct sockaddr_storage* local,
                                  const unsigned char* random, struct sockaddr_un* name);

/* handoff_read_pair_name is the way back. IPv4 addresses are AF_INET. False: it is no such name. */
bool handoff_read_pair_name(const struct sockaddr_un* name, socklen_t size, struct sockaddr_storage* peer,
                            struct sockaddr_storage* local);

#ifdef __cplusplus
}
#endif
