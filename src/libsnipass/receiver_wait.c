// SPDX-License-Identifier: BSL-1.0
/* Waiting for clients, in several threads: all of them at the epoll descriptor would wake for each client. */
#include "cancellation.h"
#include "receiver.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
    steps_in_a_row = 64, /* without a client: then a caller whose time is over gets its turn */
};

static void next_in_line(struct snipass_receiver* receiver) {
    if (!receiver->watched && receiver->in_line != 0)
        pthread_cond_signal(&receiver->turn);
}

/* The two ends are also a cancelled thread's, or nobody would ever watch again. */
static void end_watch(void* of) {
    struct snipass_receiver* receiver = of;
    pthread_mutex_lock(&receiver->mutex);
    receiver->watched = false;
    next_in_line(receiver);
    pthread_mutex_unlock(&receiver->mutex);
}

static void leave_line(void* of) {
    struct snipass_receiver* receiver = of;
    --receiver->in_line;
    next_in_line(receiver);
    pthread_mutex_unlock(&receiver->mutex);
}

static bool watch(struct snipass_receiver* receiver, int64_t deadline) {
    const int64_t left = deadline - receiver_now();
    struct epoll_event seen; /* and not taken: it is level-triggered */
    volatile int n = 0;      /* there is a setjmp() in the next line */
    pthread_cleanup_push(end_watch, receiver);
    /* Not poll(2), which fails with EINVAL where the limit of descriptors (RLIMIT_NOFILE) is 0. */
    if (left > 0)
        n = epoll_wait(receiver->epoll, &seen, 1,
                       deadline == INT64_MAX ? -1 : (int)(left < INT_MAX ? left : INT_MAX));
    pthread_cleanup_pop(0);
    const int error = errno;
    pthread_mutex_lock(&receiver->mutex);
    receiver->watched = false; /* and its place stays empty until it has seen what there is to do */
    const bool failed = n < 0 && error != EINTR;
    if (failed)
        next_in_line(receiver);
    pthread_mutex_unlock(&receiver->mutex);
    errno = error;
    return !failed;
}

static bool wait_until(struct snipass_receiver* receiver, int64_t deadline) {
    const struct timespec end = {.tv_sec = (time_t)(deadline / 1000), .tv_nsec = deadline % 1000 * 1000000};
    pthread_mutex_lock(&receiver->mutex);
    if (!receiver->watched) {
        receiver->watched = true;
        pthread_mutex_unlock(&receiver->mutex);
        return watch(receiver, deadline);
    }
    ++receiver->in_line;
    pthread_cleanup_push(leave_line, receiver);
    if (deadline == INT64_MAX)
        pthread_cond_wait(&receiver->turn, &receiver->mutex);
    else
        pthread_cond_timedwait(&receiver->turn, &receiver->mutex, &end);
    pthread_cleanup_pop(0);
    --receiver->in_line;
    pthread_mutex_unlock(&receiver->mutex);
    return true;
}

/* turn is one step. *ends: the call is over, with a client, or with NULL and errno. */
static struct snipass_client* turn(struct snipass_receiver* receiver, int64_t deadline,
                                   bool looks_at_the_clock, bool* idle, bool* ends) {
    const int cancellation = cancellation_off();
    pthread_mutex_lock(&receiver->mutex);
    struct snipass_client* client = receiver_step(receiver, idle);
    const int error = errno;
    const bool goes_on = client == NULL && error == EAGAIN;
    const bool is_late = goes_on && (*idle || looks_at_the_clock) && receiver_now() >= deadline;
    if (is_late && !*idle)
        receiver_set_timer(receiver, 1); /* an edge, for who waits for one */
    *ends = !goes_on || is_late;
    if (*ends)
        next_in_line(receiver);
    pthread_mutex_unlock(&receiver->mutex);
    cancellation_restore(cancellation);
    errno = error;
    return client;
}

snipass_client* snipass_receive(snipass_receiver* receiver, int timeout_ms) {
    if (receiver->owner != getpid()) {
        errno = EINVAL;
        return NULL;
    }
    const int64_t deadline = timeout_ms < 0 ? INT64_MAX : receiver_now() + timeout_ms;
    for (unsigned steps = 1;; ++steps) {
        bool idle = false, ends = false;
        snipass_client* client = turn(receiver, deadline, steps % steps_in_a_row == 0, &idle, &ends);
        if (ends)
            return client;
        if (idle && !wait_until(receiver, deadline))
            return NULL;
    }
}
