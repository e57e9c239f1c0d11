// SPDX-License-Identifier: BSL-1.0
/* What a server is told of its listeners and clients: that they are TCP, and of the family that it expects.
 */
#include "../libsnipass/cancellation.h"
#include "addresses.h"
#include "clients.h"
#include "interpose.h"
#include "listeners.h"
#include "next.h"
#include "options.h"
#include "pairs.h"

#include <netinet/in.h>
#include <string.h>

/* emulated: a unix socket that the server believes to be a TCP listener. */
static bool emulated(int fd, struct listener* believed) {
    if (settings_empty() || !listeners_read(fd, believed) || believed->address.ss_family == AF_UNSPEC)
        return false;
    listeners_remember(fd);
    return true;
}

/* give_fitting: the router's socket for an IPv4 client may be an IPv6 one, or the reverse. The server has
 * room for addresses of the family that it listens in. */
static int give_fitting(int (*ask)(int, struct sockaddr*, socklen_t*), int fd, struct sockaddr* address,
                        socklen_t* size) {
    const socklen_t room = size != NULL ? *size : 0;
    const int result = ask(fd, address, size);
    if (result != 0 || settings_empty() || room < sizeof(struct sockaddr_in))
        return result;
    const bool is_wide = room >= sizeof(struct sockaddr_in6);
    const bool is_too_short = address->sa_family == AF_INET6 && !is_wide;
    const bool is_mapped = address->sa_family == AF_INET && is_wide && clients_is_mapped(fd);
    struct sockaddr_storage whole;
    socklen_t whole_size = sizeof whole;
    if ((!is_too_short && !is_mapped) || ask(fd, (struct sockaddr*)&whole, &whole_size) != 0)
        return result;
    if (is_too_short && !IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6*)&whole)->sin6_addr))
        return result;
    whole = is_mapped ? addresses_as_mapped(&whole) : addresses_as_v4(&whole);
    *size = room;
    addresses_give(&whole, address, size);
    return 0;
}

/* give_pairs: a unix socket's answer, where the socket stands for a client's TCP socket. `room` is what *size
 * was before. False: it does not. */
static bool give_pairs(int fd, bool wants_peer, struct sockaddr* address, socklen_t* size, socklen_t room) {
    struct sockaddr_storage peer, local;
    if (!pairs_addresses(fd, &peer, &local))
        return false;
    struct sockaddr_storage wanted = wants_peer ? peer : local;
    if (wanted.ss_family == AF_INET && clients_is_mapped(fd))
        wanted = addresses_as_mapped(&wanted);
    *size = room;
    addresses_give(&wanted, address, size);
    return true;
}

int our_getpeername(int fd, struct sockaddr* address, socklen_t* size) {
    const socklen_t room = size != NULL ? *size : 0;
    const int result = give_fitting(next_getpeername, fd, address, size);
    if (result == 0 && !settings_empty() && room >= sizeof address->sa_family &&
        address->sa_family == AF_UNIX)
        (void)give_pairs(fd, true, address, size, room);
    return result;
}

int our_getsockname(int fd, struct sockaddr* address, socklen_t* size) {
    const socklen_t room = size != NULL ? *size : 0;
    const int result = give_fitting(next_getsockname, fd, address, size);
    if (result != 0 || settings_empty() || room < sizeof address->sa_family || address->sa_family != AF_UNIX)
        return result;
    struct listener believed;
    if (!emulated(fd, &believed)) {
        (void)give_pairs(fd, false, address, size, room);
        return result;
    }
    *size = room;
    addresses_give(&believed.address, address, size);
    return 0;
}

int our_setsockopt(int fd, int level, int option, const void* value, socklen_t size) {
    struct listener believed;
    if (!emulated(fd, &believed))
        return pairs_set(fd, level, next_setsockopt(fd, level, option, value, size));
    const int cancel_state = cancellation_off();
    const int result = options_set(believed.entry, believed.address.ss_family, level, option, value, size);
    if (result == 0 && level == SOL_SOCKET && option == SO_RCVTIMEO)
        (void)next_setsockopt(fd, level, option, value, size); /* accept() obeys it, too */
    cancellation_restore(cancel_state);
    return result;
}

/* is_the_sockets: what a unix listener answers as TCP would. */
static bool is_the_sockets(int level, int option) {
    return level == SOL_SOCKET && (option == SO_TYPE || option == SO_ERROR || option == SO_ACCEPTCONN ||
                                   option == SO_COOKIE || option == SO_PEERCRED);
}

int our_getsockopt(int fd, int level, int option, void* value, socklen_t* size) {
    struct listener believed;
    if (is_the_sockets(level, option) || value == NULL || size == NULL)
        return next_getsockopt(fd, level, option, value, size);
    const socklen_t room = *size;
    if (!emulated(fd, &believed)) {
        const int result = next_getsockopt(fd, level, option, value, size);
        if (result != 0)
            *size = room;
        return pairs_get(fd, level, option, value, size, result);
    }
    if (level == IPPROTO_IPV6 && option == IPV6_V6ONLY && believed.address.ss_family == AF_INET6) {
        const int answer = believed.v6_only;
        *size = *size < sizeof answer ? *size : sizeof answer;
        memcpy(value, &answer, *size);
        return 0;
    }
    const int cancel_state = cancellation_off();
    const int result = options_get(believed.entry, believed.address.ss_family, level, option, value, size);
    cancellation_restore(cancel_state);
    return result;
}
