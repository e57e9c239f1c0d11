// SPDX-License-Identifier: BSL-1.0
/* addresses: a server is told of a client in the family that it listens in. The router's may be another one.
 */
#ifndef SNIPASS_PRELOAD_ADDRESSES_H
#define SNIPASS_PRELOAD_ADDRESSES_H

#include "listeners.h"

#include <sys/socket.h>

/* addresses_give copies as accept(2) and getsockname(2) do: what fits, and the size that it has. */
void addresses_give(const struct sockaddr_storage* from, struct sockaddr* to, socklen_t* to_size);

/* addresses_as_mapped: an IPv4 address as the IPv6 address that it is mapped into. */
struct sockaddr_storage addresses_as_mapped(const struct sockaddr_storage* address);

/* addresses_as_v4: an IPv6 address as the IPv4 address that is mapped in it, or as 0.0.0.0. */
struct sockaddr_storage addresses_as_v4(const struct sockaddr_storage* address);

/* addresses_give_peer gives a client's address in the family that the server expects of its listener. */
void addresses_give_peer(const struct listener* listener, struct sockaddr_storage peer, struct sockaddr* to,
                         socklen_t* to_size);

#endif
