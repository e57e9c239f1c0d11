// SPDX-License-Identifier: BSL-1.0
/* See addresses.h. */
#include "addresses.h"

#include <netinet/in.h>
#include <string.h>

static socklen_t size_of(const struct sockaddr_storage* address) {
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

void addresses_give(const struct sockaddr_storage* from, struct sockaddr* to, socklen_t* to_size) {
    if (to == NULL || to_size == NULL)
        return;
    const socklen_t from_size = size_of(from);
    memcpy(to, from, *to_size < from_size ? *to_size : from_size);
    *to_size = from_size;
}

struct sockaddr_storage addresses_as_v4(const struct sockaddr_storage* address) {
    const struct sockaddr_in6* v6 = (const struct sockaddr_in6*)address;
    struct sockaddr_storage result = {.ss_family = AF_INET};
    struct sockaddr_in* v4 = (struct sockaddr_in*)&result;
    v4->sin_port = v6->sin6_port;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        memcpy(&v4->sin_addr, &v6->sin6_addr.s6_addr[12], 4);
    return result;
}

struct sockaddr_storage addresses_as_mapped(const struct sockaddr_storage* address) {
    const struct sockaddr_in* v4 = (const struct sockaddr_in*)address;
    struct sockaddr_storage result = {.ss_family = AF_INET6};
    struct sockaddr_in6* v6 = (struct sockaddr_in6*)&result;
    v6->sin6_port = v4->sin_port;
    v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
    memcpy(&v6->sin6_addr.s6_addr[12], &v4->sin_addr, 4);
    return result;
}

void addresses_give_peer(const struct listener* listener, struct sockaddr_storage peer, struct sockaddr* to,
                         socklen_t* to_size) {
    const sa_family_t family = listener->address.ss_family;
    const bool mapped =
        peer.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6*)&peer)->sin6_addr);
    /* An IPv4 listener whose server has none for IPv6 would read half of an address: it gets 0.0.0.0. */
    if (mapped || (peer.ss_family == AF_INET6 && family == AF_INET))
        peer = addresses_as_v4(&peer);
    if (peer.ss_family == AF_INET && family == AF_INET6 && !listener->v6_only)
        peer = addresses_as_mapped(&peer);
    addresses_give(&peer, to, to_size);
}
