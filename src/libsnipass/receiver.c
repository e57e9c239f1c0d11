// SPDX-License-Identifier: BSL-1.0
/* The work of a receiver. Each step handles one event, so that the epoll descriptor stays readable for as
 * long as there is more to do, whichever way the caller waits for it. */
#include "receiver.h"

#include "receiver_datagram.h"
#include "snipass/handoff/foreign.h"
#include "snipass/handoff/sender.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    max_pending = 1024, /* handoffs under way; a sender that only connects costs its own oldest ones */
    let_go_wait = 1,    /* ms; snipass.h */
};

/* await_let_go: whoever shares the listener is there for the next client, and this process may serve one at a
 * time: it is to have the one that it has acknowledged before it takes another. A router that is not stuck
 * lets go within a few dozen microseconds. */
static void await_let_go(int connection) {
    struct pollfd asked = {.fd = connection, .events = POLLIN};
    (void)poll(&asked, 1, let_go_wait);
}

/* --- steps: each handles one event and returns a client, or NULL and errno (EAGAIN: go on) --- */

static enum handoff_progress read_message(const struct snipass_receiver* receiver, struct pending* pending) {
    if (receiver->protocol != SNIPASS_STREAM)
        return handoff_read_scgi(&handoff_libc, &pending->handoff, &pending->client->request,
                                 &pending->client->metadata, pending->connection);
    const enum handoff_progress progress =
        handoff_read(&handoff_libc, &pending->handoff, pending->connection);
    const bool is_lie = progress == handoff_complete &&
                        !handoff_parse(&handoff_libc, &pending->handoff, &pending->client->metadata);
    if (progress == handoff_complete && pending->client->metadata.ech == NULL)
        client_drop_header(pending->client); /* nearly always; it is not kept for as long as a client */
    return is_lie ? handoff_refused : progress;
}

/* say_ack: who wants none lets go at once, and that is what is waited for: a router that goes on waiting for
 * one will take the client back. */
static bool say_ack(const struct snipass_receiver* receiver, struct pending* pending) {
    if (receiver->protocol == SNIPASS_SCGI)
        return true;
    pending->acknowledged = handoff_acknowledge(pending->connection);
    return pending->acknowledged;
}

static struct snipass_client* take(struct snipass_receiver* receiver, struct pending* pending) {
    if (!pending->is_whole) {
        const enum handoff_progress progress = read_message(receiver, pending);
        if (progress == handoff_wants_more)
            return no_client(EAGAIN);
        if (progress != handoff_complete || !say_ack(receiver, pending)) {
            receiver_finish(receiver, pending);
            return no_client(progress == handoff_no_room ? EMFILE : EAGAIN);
        }
        pending->is_whole = true;
        handoff_addresses(&handoff_libc, pending->handoff.client, &pending->client->metadata);
        receiver_detach(receiver, pending);
        receiver_append(receiver, pending);
        if (!receiver->is_own)
            await_let_go(pending->connection);
    }
    if (!handoff_let_go(pending->connection))
        return no_client(EAGAIN);
    pending->acknowledged = true;
    return receiver_finish(receiver, pending);
}

/* is_silent: its message has not come, so its router, if it is one, has not begun. */
static bool is_silent(const struct pending* pending) {
    int waiting = 0;
    return !pending->is_whole && ioctl(pending->connection, FIONREAD, &waiting) == 0 && waiting == 0;
}

/* shed ends the oldest silent handoff; what is in `spared` does not count. */
static bool shed(struct snipass_receiver* receiver, const struct pending* spared) {
    struct pending* p = receiver->oldest;
    while (p != NULL && (p == spared || !is_silent(p)))
        p = p->next;
    if (p != NULL)
        receiver_finish(receiver, p);
    return p != NULL;
}

static bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE;
}

/* reserve is handoff_reserve, where silent senders make room: they must not keep clients away. */
static int reserve(struct snipass_receiver* receiver, int any_fd, const struct pending* spared) {
    int reserved = handoff_reserve(any_fd);
    while (reserved < 0 && is_shortage(errno) && shed(receiver, spared))
        reserved = handoff_reserve(any_fd);
    return reserved;
}

static struct snipass_client* advance(struct snipass_receiver* receiver, struct pending* pending) {
    if (pending->handoff.received == 0) {
        const int reserved = reserve(receiver, pending->connection, pending);
        if (reserved < 0)
            return no_client(errno); /* the client stays in the connection */
        close(reserved);
    }
    return take(receiver, pending);
}

static bool make_header(const struct snipass_receiver* receiver, struct snipass_client* client) {
    client->header = receiver->takes_ech ? malloc(handoff_ech_header_max) : NULL;
    return client->header != NULL || !receiver->takes_ech;
}

static struct pending* pending_new(const struct snipass_receiver* receiver) {
    struct pending* pending = calloc(1, sizeof *pending);
    struct snipass_client* client = client_new();
    if (pending == NULL || client == NULL || !make_header(receiver, client)) {
        free(pending);
        free(client);
        return NULL;
    }
    pending->connection = -1;
    pending->client = client;
    handoff_init(&pending->handoff);
    pending->handoff.larger = client->header;
    pending->handoff.takes_pairs = (receiver->in_clear & SNIPASS_PAIRS) != 0;
    pending->handoff.takes_keyed = (receiver->in_clear & SNIPASS_KERNEL_TLS) != 0;
    return pending;
}

/* give_up is for one that is in no list yet. */
static struct snipass_client* give_up(struct pending* pending, int error) {
    pending_free(pending);
    return no_client(error);
}

static bool is_at_the_bound(const struct snipass_receiver* receiver) {
    return receiver->pending_count >= max_pending;
}

static struct pending* oldest_without_ack(const struct snipass_receiver* receiver) {
    struct pending* p = receiver->oldest;
    while (p != NULL && p->acknowledged)
        p = p->next;
    return p;
}

/* accept_connection: -1 and errno; ENODATA: nothing is there. */
static int accept_connection(struct snipass_receiver* receiver) {
    const int reserved = reserve(receiver, receiver->listener, NULL);
    if (reserved < 0)
        return -1;
    int connection = -1;
    do
        connection = accept4(receiver->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (connection < 0 && is_shortage(errno) && shed(receiver, NULL));
    const int error = errno;
    close(reserved);
    const bool is_drained = error == EINVAL && receiver->stopped; /* one that was shut down */
    errno = error == EAGAIN || is_drained ? ENODATA : error;
    if (error == EINTR || error == ECONNABORTED || error == EPERM)
        errno = EAGAIN;
    return connection;
}

static struct snipass_client* accept_one(struct snipass_receiver* receiver) {
    /* Ours, whatever keeps its sender from letting go; and there would be no bound otherwise. */
    if (is_at_the_bound(receiver) && oldest_without_ack(receiver) == NULL)
        return receiver_finish(receiver, receiver->oldest);
    struct pending* pending = pending_new(receiver); /* first: what was accepted has left the backlog */
    if (pending == NULL)
        return no_client(ENOMEM);
    pending->connection = accept_connection(receiver);
    if (pending->connection < 0)
        return give_up(pending, errno);
    uid_t user;
    if (handoff_judge_peer(&handoff_libc, pending->connection, receiver->allowed, receiver->allowed_count,
                           &user) != handoff_allowed) {
        count_stranger(receiver, user);
        handoff_turn_away(&handoff_libc, pending->connection);
        pending->connection = -1;
        return give_up(pending, EAGAIN);
    }
    if (is_at_the_bound(receiver))
        receiver_finish(receiver, oldest_without_ack(receiver));
    receiver_append(receiver, pending);
    if (!receiver_watch(receiver, pending->connection, EPOLLRDHUP, pending)) {
        receiver_finish(receiver, pending);
        return no_client(ENOMEM);
    }
    return take(receiver, pending); /* the header is there already, most often */
}

/* expire ends one handoff that has waited long enough. One that was acknowledged is ours even if the router
 * is stuck. */
static struct snipass_client* expire(struct snipass_receiver* receiver) {
    struct pending* oldest = receiver->oldest;
    if (oldest == NULL) {
        receiver_set_timer(receiver, 0);
        return no_client(EAGAIN);
    }
    const int64_t left = oldest->deadline - receiver_now();
    if (left <= 0) {
        struct snipass_client* client = receiver_finish(receiver, oldest);
        return client != NULL ? client : no_client(EAGAIN);
    }
    receiver_set_timer(receiver, left);
    return no_client(EAGAIN);
}

/* is_over: the timer stays as it went off, so that the epoll descriptor says so to everybody. */
static bool is_over(const struct snipass_receiver* receiver) {
    return receiver->stopped && receiver->listener < 0 && receiver->oldest == NULL;
}

static bool is_shut_down(int listener) {
    struct pollfd asked = {.fd = listener, .events = POLLRDHUP};
    return poll(&asked, 1, 0) == 1 && (asked.revents & POLLRDHUP) != 0;
}

/* find_nothing: the listener was readable, and nothing is there. One that is shut down is that for ever. */
static struct snipass_client* find_nothing(struct snipass_receiver* receiver, uint32_t events) {
    if (receiver->stopped)
        receiver_close_listener(receiver); /* its queue has been served */
    else if ((events & EPOLLRDHUP) != 0 || is_shut_down(receiver->listener))
        return no_client(EINVAL); /* by somebody else */
    return no_client(EAGAIN);
}

struct snipass_client* receiver_step(struct snipass_receiver* receiver, bool* idle) {
    struct epoll_event event;
    *idle = false;
    if (is_over(receiver))
        return no_client(ESHUTDOWN);
    const int n = epoll_wait(receiver->epoll, &event, 1, 0);
    if (n < 0)
        return no_client(errno == EINTR ? EAGAIN : errno); /* somebody has closed it */
    *idle = n == 0;
    if (*idle)
        return no_client(EAGAIN);
    if (event.data.ptr == &receiver->timer)
        return expire(receiver);
    if (event.data.ptr != &receiver->listener)
        return advance(receiver, event.data.ptr);
    struct snipass_client* client =
        receiver->protocol == SNIPASS_DATAGRAM ? receiver_take_datagram(receiver) : accept_one(receiver);
    return client == NULL && errno == ENODATA ? find_nothing(receiver, event.events) : client;
}
