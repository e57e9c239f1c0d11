// SPDX-License-Identifier: BSL-1.0
/* Clients whose hello the router has opened: the filter, and the reading part around it. */
#include "client.h"
#include "snipass/handoff/ech_filter.h"

#include <errno.h>
#include <snipass/ech.h>
#include <stdlib.h>
#include <sys/socket.h>

struct snipass_ech {
    struct ech_filter filter;
};

int snipass_client_has_ech(const snipass_client* client) {
    return client->metadata.ech != NULL;
}

snipass_ech* snipass_ech_new(snipass_client* client, snipass_aead_open open) {
    errno = EINVAL;
    if (client->metadata.ech == NULL)
        return NULL;
    struct snipass_ech* ech = calloc(1, sizeof *ech);
    if (ech == NULL)
        return NULL;
    if (ech_filter_begin(&ech->filter, client->metadata.ech, client->metadata.ech_size, open) !=
        ech_filter_fine) {
        free(ech); /* what came with the client has been read before: it is memory */
        errno = ENOMEM;
        return NULL;
    }
    client_drop_header(client);
    return ech;
}

void snipass_ech_free(snipass_ech* ech) {
    if (ech == NULL)
        return;
    ech_filter_end(&ech->filter);
    free(ech);
}

size_t snipass_ech_wants(const snipass_ech* ech) {
    return ech_filter_wants(&ech->filter);
}

void snipass_ech_give(snipass_ech* ech, const void* bytes, size_t size) {
    ech_filter_give(&ech->filter, bytes, size);
}

size_t snipass_ech_take(snipass_ech* ech, void* bytes, size_t size) {
    return ech_filter_take(&ech->filter, bytes, size);
}

void snipass_ech_sent(snipass_ech* ech, const void* bytes, size_t size) {
    ech_filter_show(&ech->filter, bytes, size);
}

int snipass_ech_is_over(const snipass_ech* ech) {
    return ech_filter_is_over(&ech->filter);
}

const char* snipass_ech_why(const snipass_ech* ech) {
    if (ech->filter.status == ech_filter_not_rebuilt)
        return ech_hello_status_text(ech->filter.why_not_rebuilt);
    return ech->filter.status != ech_filter_fine ? ech_filter_text(ech->filter.status) : NULL;
}

size_t snipass_ech_alert(const snipass_ech* ech, unsigned char* alert) {
    if (ech->filter.status == ech_filter_fine)
        return 0;
    const unsigned char record[SNIPASS_ECH_ALERT_SIZE] = {
        21, 3, 3, 0, 2, 2, ech_filter_alert(ech->filter.status)}; /* fatal */
    for (size_t i = 0; i < sizeof record; ++i)
        alert[i] = record[i];
    return sizeof record;
}

ssize_t snipass_ech_recv(snipass_ech* ech, int fd, void* bytes, size_t size) {
    struct ech_filter* const filter = &ech->filter;
    for (;;) {
        const size_t taken = ech_filter_take(filter, bytes, size);
        if (taken > 0 || size == 0)
            return (ssize_t)taken;
        if (ech_filter_is_over(filter))
            return recv(fd, bytes, size, 0);
        unsigned char read[4096];
        const size_t wanted = ech_filter_wants(filter);
        if (wanted == 0) {
            errno = EPROTO;
            return -1;
        }
        const ssize_t n = recv(fd, read, wanted < sizeof read ? wanted : sizeof read, 0);
        if (n <= 0)
            return n;
        ech_filter_give(filter, read, (size_t)n);
    }
}
