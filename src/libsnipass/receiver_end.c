// SPDX-License-Identifier: BSL-1.0
/* Ending a receiver. */
#include "cancellation.h"
#include "receiver_state.h"

#include <stdlib.h>
#include <unistd.h>

/* take_no_more: what waits in a backlog is refused, and the router keeps it. A client who is not acknowledged
 * is nobody's but the queue's: it is served first, unless systemd has a copy of the socket, for the next
 * process. */
static void take_no_more(struct snipass_receiver* receiver) {
    const bool acknowledges = receiver->protocol == SNIPASS_STREAM || receiver->protocol == SNIPASS_SCGI_ACK;
    if (!acknowledges && receiver->is_own)
        (void)shutdown(receiver->listener, SHUT_RD); /* senders are told (EPIPE), waiting threads wake */
    else
        receiver_close_listener(receiver);
}

void snipass_stop(snipass_receiver* receiver) {
    if (receiver->owner != getpid())
        return;
    const int cancellation = cancellation_off();
    pthread_mutex_lock(&receiver->mutex);
    if (!receiver->stopped) {
        receiver->stopped = true;
        take_no_more(receiver);
    }
    pthread_mutex_unlock(&receiver->mutex);
    cancellation_restore(cancellation);
}

static void close_if_open(int* fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void end_pending(struct snipass_receiver* receiver) {
    while (receiver->oldest != NULL)
        snipass_client_free(receiver_finish(receiver, receiver->oldest));
}

static void forget_pending(struct snipass_receiver* receiver) {
    struct pending* next = receiver->oldest;
    while (next != NULL) {
        struct pending* pending = next;
        next = pending->next;
        pending_free(pending);
    }
}

/* end_copy: in a fork, what this process holds is closed, and what is the owner's left alone: registrations,
 * the timer, and the flags of clients, whom the owner may be serving by now. Of the owner's threads only the
 * one that forked is here. Those that waited are in the condition's count for ever, so that destroying it
 * would wait for them; and where one held the mutex, it was half-way through changing the list. */
static void end_copy(struct snipass_receiver* receiver) {
    close_if_open(&receiver->epoll);
    close_if_open(&receiver->timer);
    if (pthread_mutex_trylock(&receiver->mutex) == 0)
        forget_pending(receiver);
}

static void end(struct snipass_receiver* receiver) {
    end_pending(receiver);
    pthread_cond_destroy(&receiver->turn);
    pthread_mutex_destroy(&receiver->mutex);
}

void snipass_receiver_free(snipass_receiver* receiver) {
    if (receiver == NULL)
        return;
    const int cancellation = cancellation_off();
    if (receiver->owner != getpid())
        end_copy(receiver);
    else
        end(receiver);
    close_if_open(&receiver->listener);
    close_if_open(&receiver->timer);
    close_if_open(&receiver->epoll);
    free(receiver->allowed);
    free(receiver->buffer);
    free(receiver);
    cancellation_restore(cancellation);
}
