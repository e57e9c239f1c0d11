// SPDX-License-Identifier: BSL-1.0
/* What a receiver keeps: its descriptors, its timer, the list of handoffs that are under way. */
#include "receiver_state.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int64_t receiver_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool receiver_watch(const struct snipass_receiver* receiver, int fd, uint32_t more, void* what) {
    struct epoll_event event = {.events = EPOLLIN | more, .data.ptr = what};
    return epoll_ctl(receiver->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

void receiver_set_timer(struct snipass_receiver* receiver, int64_t ms) {
    struct itimerspec at = {.it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};
    receiver->timer_is_set = timerfd_settime(receiver->timer, 0, &at, NULL) == 0 && ms > 0;
}

void receiver_close_listener(struct snipass_receiver* receiver) {
    (void)epoll_ctl(receiver->epoll, EPOLL_CTL_DEL, receiver->listener, NULL);
    close(receiver->listener);
    receiver->listener = -1;
    receiver_set_timer(receiver, 1);
}

/* --- the list of pending handoffs --- */

void receiver_append(struct snipass_receiver* receiver, struct pending* pending) {
    pending->deadline = receiver_now() + receiver->patience;
    pending->next = NULL;
    pending->previous = receiver->newest;
    *(receiver->newest != NULL ? &receiver->newest->next : &receiver->oldest) = pending;
    receiver->newest = pending;
    ++receiver->pending_count;
    if (!receiver->timer_is_set)
        receiver_set_timer(receiver, receiver->patience);
}

void receiver_detach(struct snipass_receiver* receiver, struct pending* pending) {
    *(pending->previous != NULL ? &pending->previous->next : &receiver->oldest) = pending->next;
    *(pending->next != NULL ? &pending->next->previous : &receiver->newest) = pending->previous;
    --receiver->pending_count;
}

void pending_free(struct pending* pending) {
    /* The client's descriptor goes first: the connection's end tells the router that nobody has a copy. */
    handoff_drop(&handoff_libc, &pending->handoff);
    if (pending->connection >= 0)
        close(pending->connection);
    snipass_client_free(pending->client);
    free(pending);
}

struct snipass_client* receiver_finish(struct snipass_receiver* receiver, struct pending* pending) {
    struct snipass_client* client = NULL;
    receiver_detach(receiver, pending);
    /* Explicitly: a fork of the server may hold a copy of the connection, and keep its registration alive. */
    (void)epoll_ctl(receiver->epoll, EPOLL_CTL_DEL, pending->connection, NULL);
    if (pending->acknowledged) {
        client = pending->client;
        client->fd = handoff_release(&pending->handoff);
        client_set_blocking(client); /* nobody else's now */
        pending->client = NULL;
    }
    pending_free(pending);
    if (receiver->stopped && receiver->oldest == NULL)
        receiver_set_timer(receiver, 1); /* whoever waits besides is told */
    return client;
}
