// SPDX-License-Identifier: BSL-1.0
/* The object behind snipass_receiver, and what each part of it does to that: one epoll descriptor in front of
 * the listener, the handoffs that are under way, and a timer for the oldest of them. */
#pragma once

#include "client.h"
#include "snipass/handoff/receiving.h"

#include <errno.h>
#include <pthread.h>
#include <snipass/snipass.h>
#include <stdint.h>

/* One connection of the protocols that have one for each client. It waits for its message first, for the
 * router to let go after. */
struct pending {
    struct pending *next, *previous; /* in the order of their deadlines: all wait equally long */
    int connection;
    bool is_whole;     /* its message */
    bool acknowledged; /* the client is ours, whatever becomes of the router */
    int64_t deadline;
    struct handoff handoff;
    struct snipass_client* client; /* made beforehand: after the ACK nothing may fail */
};

struct snipass_receiver {
    pthread_mutex_t mutex; /* everything below, but for epoll itself and the owner */
    pthread_cond_t turn;   /* of CLOCK_MONOTONIC: nobody watches epoll any more */
    unsigned in_line;      /* threads that wait for it */
    bool watched;          /* by one thread; all of them would wake for each client */
    int epoll, listener, timer;
    pid_t owner; /* epoll is shared with whatever this process forks, and would report our memory there */
    struct pending *oldest, *newest;
    size_t pending_count;
    bool timer_is_set, stopped;
    bool is_own; /* the listener: bound here, so that nobody else serves what is in its queue */
    enum snipass_protocol protocol;
    int in_clear;   /* clients whose TLS has ended elsewhere: of enum snipass_clear_text */
    bool takes_ech; /* `stream` only */
    int64_t patience;
    uid_t* allowed;
    size_t allowed_count;
    unsigned char* buffer;   /* of handoff_datagram_max */
    unsigned long strangers; /* refused as senders; read without the mutex, as is the next */
    uid_t stranger;          /* the last of them; (uid_t)-1: none */
};

/* receiver_watch: epoll reports `fd` as `what`, when it is readable, and in `more` events. */
bool receiver_watch(const struct snipass_receiver* receiver, int fd, uint32_t more, void* what);

/* no_client is what a step returns that has none; EAGAIN: go on. */
static inline struct snipass_client* no_client(int error) {
    errno = error;
    return NULL;
}

static inline void count_stranger(struct snipass_receiver* receiver, uid_t user) {
    __atomic_store_n(&receiver->stranger, user, __ATOMIC_RELAXED);
    __atomic_fetch_add(&receiver->strangers, 1, __ATOMIC_RELAXED);
}

int64_t receiver_now(void); /* milliseconds of CLOCK_MONOTONIC */

/* receiver_set_timer makes the epoll descriptor readable in `ms`; 0 switches the timer off. */
void receiver_set_timer(struct snipass_receiver* receiver, int64_t ms);

/* receiver_close_listener ends the search for new clients, and wakes whoever waits. */
void receiver_close_listener(struct snipass_receiver* receiver);

/* receiver_append: its time begins now. receiver_detach: it is in the list no longer. */
void receiver_append(struct snipass_receiver* receiver, struct pending* pending);
void receiver_detach(struct snipass_receiver* receiver, struct pending* pending);

/* pending_free closes what one holds: nothing that a copy of it in another process would notice. */
void pending_free(struct pending* pending);

/* receiver_finish ends a pending handoff: the client if it was acknowledged, else NULL, and the router keeps
 * it. */
struct snipass_client* receiver_finish(struct snipass_receiver* receiver, struct pending* pending);
