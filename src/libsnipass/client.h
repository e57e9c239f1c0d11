// SPDX-License-Identifier: BSL-1.0
/* The object behind snipass_client. */
#pragma once

#include "snipass/handoff/header.h"
#include "snipass/handoff/scgi.h"

struct snipass_client {
    int fd;
    struct handoff_metadata metadata;
    unsigned char* consumed; /* `datagram` only */
    size_t consumed_size;
    struct handoff_scgi request; /* `scgi` only */
    unsigned char* header;       /* `stream`, where ECH is taken: metadata.ech lies in it. It has a key */
};

struct snipass_client* client_new(void); /* fd = -1; NULL: ENOMEM */

/* client_drop_header wipes it. */
void client_drop_header(struct snipass_client* client);

/* client_set_blocking: as accept() leaves a socket. A router in front may have made it non-blocking. */
void client_set_blocking(const struct snipass_client* client);
