// SPDX-License-Identifier: BSL-1.0
/* See pair_name.h. The name is text, since tools show such names (ss, /proc/net/unix): "snipass-", the
 * client's address and port, the one that it connected to, and twelve random bytes, all as hexadecimal
 * digits. */
#include "snipass/handoff/pair_name.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static const char prefix[] = "snipass-";
static const char digits[] = "0123456789abcdef";

enum {
    prefix_size = sizeof prefix - 1,
    address_size = 16, /* of IPv4, the mapped form */
    endpoint_size = address_size + 2,
    whole_size = 2 * endpoint_size + handoff_pair_random_size,
    name_size = prefix_size + 2 * whole_size,
};

_Static_assert(1 + name_size <= sizeof((struct sockaddr_un*)0)->sun_path, "it fits");

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool pack(const struct sockaddr_storage* address, unsigned char* to) {
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in* v4 = (const struct sockaddr_in*)address;
        memcpy(to, mapped, sizeof mapped);
        memcpy(to + sizeof mapped, &v4->sin_addr, 4);
        memcpy(to + address_size, &v4->sin_port, 2);
        return true;
    }
    const struct sockaddr_in6* v6 = (const struct sockaddr_in6*)address;
    if (address->ss_family != AF_INET6)
        return false;
    memcpy(to, &v6->sin6_addr, address_size);
    memcpy(to + address_size, &v6->sin6_port, 2);
    return true;
}

static void unpack(const unsigned char* from, struct sockaddr_storage* address) {
    memset(address, 0, sizeof *address);
    if (memcmp(from, mapped, sizeof mapped) == 0) {
        struct sockaddr_in* v4 = (struct sockaddr_in*)address;
        v4->sin_family = AF_INET;
        memcpy(&v4->sin_addr, from + sizeof mapped, 4);
        memcpy(&v4->sin_port, from + address_size, 2);
        return;
    }
    struct sockaddr_in6* v6 = (struct sockaddr_in6*)address;
    v6->sin6_family = AF_INET6;
    memcpy(&v6->sin6_addr, from, address_size);
    memcpy(&v6->sin6_port, from + address_size, 2);
}

socklen_t handoff_write_pair_name(const struct sockaddr_storage* peer, const struct sockaddr_storage* local,
                                  const unsigned char* random, struct sockaddr_un* name) {
    unsigned char whole[whole_size];
    if (!pack(peer, whole) || !pack(local, whole + endpoint_size))
        return 0;
    memcpy(whole + 2 * endpoint_size, random, handoff_pair_random_size);
    memset(name, 0, sizeof *name); /* the first byte of an abstract name is zero */
    name->sun_family = AF_UNIX;
    char* to = name->sun_path + 1;
    memcpy(to, prefix, prefix_size);
    for (size_t i = 0; i < whole_size; ++i) {
        to[prefix_size + 2 * i] = digits[whole[i] >> 4];
        to[prefix_size + 2 * i + 1] = digits[whole[i] & 0x0F];
    }
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + name_size);
}

/* value_of: -1, it is no digit. */
static int value_of(char digit) {
    const char* found = digit == '\0' ? NULL : strchr(digits, digit);
    return found == NULL ? -1 : (int)(found - digits);
}

bool handoff_read_pair_name(const struct sockaddr_un* name, socklen_t size, struct sockaddr_storage* peer,
                            struct sockaddr_storage* local) {
    unsigned char whole[whole_size];
    if (size != offsetof(struct sockaddr_un, sun_path) + 1 + name_size || name->sun_family != AF_UNIX ||
        name->sun_path[0] != '\0' || memcmp(name->sun_path + 1, prefix, prefix_size) != 0)
        return false;
    const char* from = name->sun_path + 1 + prefix_size;
    for (size_t i = 0; i < whole_size; ++i) {
        const int high = value_of(from[2 * i]), low = value_of(from[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        whole[i] = (unsigned char)(high << 4 | low);
    }
    unpack(whole, peer);
    unpack(whole + endpoint_size, local);
    return true;
}
