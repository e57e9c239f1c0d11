// SPDX-License-Identifier: BSL-1.0
/* What the environment says: which listeners take handed-off clients, and from whom.
 *
 *   SNIPASS_LISTEN      entries, separated by spaces or commas:
 *                         unix:PATH          a unix listener that the server itself binds to PATH
 *                         ADDRESS:PORT=PATH  the TCP listener of that address becomes one at PATH. ADDRESS is
 *                                            an IPv4 address, an IPv6 address in brackets, or * for any
 *   SNIPASS_ALLOW_UID   who may hand over besides root and the server's own user: numbers, separated
 * likewise. 4294967295: everybody who has no number in this user namespace
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

struct entry {
    struct sockaddr_storage tcp; /* AF_UNSPEC: the server binds the path itself */
    bool any_address;            /* of tcp only the port counts */
    char path[sizeof((struct sockaddr_un*)0)->sun_path];
    char diversion[32]; /* how the abstract names begin that lead to it, too (diversion.h) */
};

/* settings_load reads the environment; what it cannot read it reports on stderr and leaves out. Once, at
 * start. */
void settings_load(void);

/* settings_empty: no listener is ours, whatever it is. */
bool settings_empty(void);

/* The entry whose TCP address or path this is; NULL: none. */
const struct entry* settings_entry_for(const struct sockaddr* address, socklen_t size);

const uid_t* settings_allowed(size_t* count);
