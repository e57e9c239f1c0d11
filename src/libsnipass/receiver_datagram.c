// SPDX-License-Identifier: BSL-1.0
/* Taking a client by the `datagram` protocol. */
#include "receiver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    max_looks = 4, /* at a datagram whose descriptor does not come */
};

static void drop_datagram(const struct snipass_receiver* receiver) {
    /* Descriptors for which the caller has no room are closed. */
    (void)recv(receiver->listener, NULL, 0, MSG_DONTWAIT | MSG_TRUNC);
}

/* look_at_datagram does that before it is taken: its client would be gone with it if there is no descriptor
 * or memory for either. *is_full: for want of a descriptor. One that is lost again and again while there is
 * room will not come (a security module refuses it), and would keep all behind it. */
static ssize_t look_at_datagram(struct snipass_receiver* receiver, int* client, size_t* count,
                                struct ucred* sender, int* flags, bool* is_full) {
    ssize_t n = -1;
    *is_full = false;
    for (int looks = 0; looks < max_looks; ++looks) {
        *flags = MSG_PEEK;
        n = handoff_receive_message(receiver->listener, receiver->buffer, datagram_size, client, count,
                                    sender, flags);
        if (n < 0 || *count != 0 || (*flags & MSG_CTRUNC) == 0)
            break;
        const int reserved = handoff_reserve(receiver->listener);
        if (reserved < 0) {
            *is_full = true;
            break;
        }
        close(reserved);
    }
    return n;
}

struct snipass_client* receiver_take_datagram(struct snipass_receiver* receiver) {
    struct snipass_client* client = client_new();
    if (client == NULL)
        return no_client(ENOMEM);
    struct ucred sender = {.uid = (uid_t)-1}; /* nobody's */
    size_t count = 0;
    int flags = 0;
    bool is_full = false;
    const ssize_t n = look_at_datagram(receiver, &client->fd, &count, &sender, &flags, &is_full);
    if (n < 0) {
        const int error = errno;
        snipass_client_free(client);
        return no_client(error == EAGAIN ? ENODATA : error == EINTR ? EAGAIN : error);
    }
    const bool allowed = handoff_credentials_allowed(sender, receiver->allowed, receiver->allowed_count);
    if (!allowed)
        count_stranger(receiver, sender.uid);
    if (allowed && is_full) {
        snipass_client_free(client);
        return no_client(EMFILE);
    }
    const bool good =
        allowed && count == 1 && (flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && handoff_is_client(client->fd);
    client->consumed_size = good ? (size_t)n : 0;
    client->consumed = good ? malloc(client->consumed_size + 1) : NULL;
    if (!good || client->consumed != NULL)
        drop_datagram(receiver);
    if (client->consumed == NULL) {
        snipass_client_free(client);
        return no_client(good ? ENOMEM : EAGAIN);
    }
    memcpy(client->consumed, receiver->buffer, client->consumed_size);
    client_set_blocking(client);
    handoff_addresses(client->fd, &client->metadata);
    return client;
}
