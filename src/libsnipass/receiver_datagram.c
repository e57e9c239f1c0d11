// SPDX-License-Identifier: BSL-1.0
/* Taking a client by the `datagram` protocol. */
#include "receiver_datagram.h"

#include "snipass/handoff/datagram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* keep makes the datagram's client the caller's; false: there is no memory, and it stays in the queue. */
static bool keep(const struct snipass_receiver* receiver, const struct handoff_datagram* datagram,
                 struct snipass_client* client) {
    client->fd = datagram->client;
    client->consumed_size = datagram->size;
    client->consumed = malloc(datagram->size + 1);
    if (client->consumed == NULL)
        return false;
    memcpy(client->consumed, receiver->buffer, datagram->size);
    handoff_take_out(receiver->listener);
    client_set_blocking(client);
    handoff_addresses(&handoff_libc, client->fd, &client->metadata);
    return true;
}

static int error_of(enum handoff_progress progress) {
    switch (progress) {
    case handoff_wants_more:
        return ENODATA;
    case handoff_no_room:
        return EMFILE;
    case handoff_ended:
        return errno;
    default:
        return EAGAIN;
    }
}

struct snipass_client* receiver_take_datagram(struct snipass_receiver* receiver) {
    struct snipass_client* client = client_new();
    if (client == NULL)
        return no_client(ENOMEM);
    struct handoff_datagram datagram;
    const enum handoff_progress progress =
        handoff_look_at_datagram(&handoff_libc, receiver->listener, receiver->buffer, receiver->allowed,
                                 receiver->allowed_count, &datagram);
    if (progress == handoff_complete && keep(receiver, &datagram, client))
        return client;
    const int error = progress == handoff_complete ? ENOMEM : error_of(progress);
    if (progress == handoff_refused)
        handoff_discard(&handoff_libc, &datagram);
    if (datagram.fault == handoff_bad_sender)
        count_stranger(receiver, datagram.user);
    snipass_client_free(client);
    return no_client(error);
}
