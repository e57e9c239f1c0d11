// SPDX-License-Identifier: BSL-1.0
/* See taking.h. Nothing here may hold up an event loop, and no thread of ours may live in a stranger's
 * process:
 *
 * - The router sends the header directly after it has connected, so it is there, or a moment away. If it is
 * not there after that moment, the connection is closed: the router, whose client it still is, offers it
 * again.
 * - The router lets go of its copy of a client after our ACK. Until then a close() would send no FIN, and
 * epoll would go on to report a closed client. Nothing else depends on it, so accept() does not wait for
 * that: close() does, where it must, which is hardly ever. */
#include "taking.h"

#include "calls.h"
#include "diversion.h"
#include "next.h"
#include "report.h"
#include "snipass/handoff/foreign.h"
#include "snipass/handoff/receiving.h"
#include "snipass/handoff/sender.h"
#include "tls_clients.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

enum {
    max_letting_go = 64,
    max_held = 256,
    max_looks = 4,
    header_patience = 10000,           /* us, in an event loop */
    header_patience_blocking = 100000, /* us, where the server would wait anyway */
    forgetting = 20,
    letting_go_patience = 50, /* ms */
    report_pause = 60000000,  /* us */
    stuck_pause = 1000000,    /* us in which a patience that was in vain is not tried again */
};

/* Both without a lock: a signal handler may close(), or fork, in the middle of accept(). */
static _Atomic uint64_t letting_go[max_letting_go]; /* 0: a free slot */
static _Atomic int held[max_held];                  /* 0: a free slot; else one more than the number */
static _Atomic int64_t forgotten_at, stuck_until;   /* us */

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool wait_readable(int fd, int64_t ms) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    const int64_t end = now_us() + ms * 1000;
    int n;
    do
        n = poll(&one, 1, ms > 0 ? (int)ms : 0);
    while (n < 0 && errno == EINTR && (ms = (end - now_us() + 999) / 1000) > 0);
    return n == 1;
}

/* --- clients that the router has not let go of --- */

/* A client that is the server's already, and the connection whose end says that the router has let go of it.
 */
static uint64_t pair(int client, int connection) {
    return (uint64_t)(unsigned)client << 32 | (unsigned)(connection + 1);
}

static int client_of(uint64_t pair) {
    return (int)(pair >> 32);
}

static int connection_of(uint64_t pair) {
    return (int)(uint32_t)pair - 1;
}

/* take_out: false, somebody else has. */
static bool take_out(size_t at, uint64_t pair) {
    return atomic_compare_exchange_strong(&letting_go[at], &pair, 0);
}

static bool put_in(size_t at, uint64_t pair) {
    uint64_t nothing = 0;
    return atomic_compare_exchange_strong(&letting_go[at], &nothing, pair);
}

/* sweep closes what has come to its end, and looks at a few only: of a router that is stuck there may be
 * many. Each is taken out first. Its number might be another's by the time that it is read from. */
static void sweep(void) {
    static _Atomic unsigned next;
    int looks = 0;
    for (size_t i = 0; i < max_letting_go && looks < max_looks; ++i) {
        const size_t at = next++ % max_letting_go;
        const uint64_t one = letting_go[at];
        if (one == 0 || !take_out(at, one))
            continue;
        ++looks;
        if (handoff_let_go(connection_of(one)) || !put_in(at, one))
            next_close(connection_of(one));
    }
}

static void add(int client, int connection) {
    const uint64_t added = pair(client, connection);
    sweep();
    for (size_t i = 0; i < max_letting_go; ++i)
        if (letting_go[i] == 0 && put_in(i, added))
            return;
    const uint64_t other = atomic_exchange(&letting_go[(size_t)client % max_letting_go], added);
    if (other != 0)
        next_close(connection_of(other));
}

void taking_before_close(int fd) {
    for (size_t i = 0; i < max_letting_go; ++i) {
        const uint64_t one = letting_go[i];
        const int connection = connection_of(one);
        if (one == 0 || (client_of(one) != fd && connection != fd) || !take_out(i, one) || connection == fd)
            continue;
        if (now_us() >= stuck_until && !wait_readable(connection, letting_go_patience))
            stuck_until = now_us() + stuck_pause;
        next_close(connection);
    }
}

/* --- what a fork must not keep --- */

static struct taking_held hold(int fd) {
    for (int i = 0; fd >= 0 && i < max_held; ++i) {
        int nothing = 0;
        if (held[i] == 0 && atomic_compare_exchange_strong(&held[i], &nothing, fd + 1))
            return (struct taking_held){fd, i};
    }
    return (struct taking_held){fd, -1};
}

/* is_held: still. What a signal handler's fork has closed, in the child, may be another file by now. */
static bool is_held(struct taking_held one) {
    return one.slot < 0 || held[one.slot] == one.fd + 1;
}

/* let_go: false if it has been closed already, here in a forked child. */
static bool let_go(struct taking_held one) {
    int number = one.fd + 1;
    return one.slot < 0 || atomic_compare_exchange_strong(&held[one.slot], &number, 0);
}

static void close_held(struct taking_held one) {
    const int error = errno;
    if (let_go(one))
        next_close(one.fd);
    errno = error;
}

void taking_after_fork(void) {
    for (size_t i = 0; i < max_letting_go; ++i) {
        const uint64_t one = atomic_exchange(&letting_go[i], 0);
        if (one != 0)
            next_close(connection_of(one));
    }
    for (size_t i = 0; i < max_held; ++i) {
        const int number = atomic_exchange(&held[i], 0);
        if (number != 0)
            next_close(number - 1);
    }
}

struct taking_held taking_reserve(int listener) {
    return hold(handoff_reserve(listener));
}

void taking_release(struct taking_held one) {
    close_held(one);
}

/* --- taking --- */

/* set_flags cannot fail for a descriptor that is there (fcntl(2)). */
static void set_flags(int client, int flags) {
    const int status = fcntl(client, F_GETFL);
    const int wanted = (flags & SOCK_NONBLOCK) != 0 ? status | O_NONBLOCK : status & ~O_NONBLOCK;
    if (wanted != status)
        (void)fcntl(client, F_SETFL, wanted);
    if ((flags & SOCK_CLOEXEC) == 0)
        (void)fcntl(client, F_SETFD, 0);
}

/* finish makes the client the server's. No flag is set before the ACK: if it fails, somebody else may be
 * serving the client by now, and flags belong to the open socket, not to the descriptor. */
static enum taking_result finish(struct handoff* handoff, struct taking_held connection, int flags,
                                 int* client, struct sockaddr_storage* peer) {
    struct handoff_metadata metadata;
    if (!handoff_parse(&next_calls, handoff, &metadata) || !is_held(connection) ||
        !handoff_acknowledge(connection.fd)) {
        handoff_drop(&next_calls, handoff);
        close_held(connection);
        return taking_nothing;
    }
    set_flags(handoff->client, flags);
    handoff_addresses(&next_calls, handoff->client, &metadata);
    *peer = metadata.peer;
    *client = handoff_release(handoff);
    if (metadata.plaintext == handoff_kernel_tls)
        tls_clients_remember(*client, metadata.farewell);
    if (let_go(connection))
        add(*client, connection.fd);
    return taking_done;
}

/* patience_left is what of `patience` was not waited in vain of late: what was is forgotten twenty times
 * slower than it came. */
static int64_t patience_left(int64_t patience, int64_t now) {
    const int64_t debt = (forgotten_at - now) / forgetting;
    return debt <= 0 ? patience : debt < patience ? patience - debt : 0;
}

static void waited_in_vain(int64_t us, int64_t now) {
    forgotten_at = (forgotten_at > now ? forgotten_at : now) + us * forgetting;
}

/* read_in_time waits for the header, but all waits in vain, whether the sender kept silent or said nonsense
 * in the end, come out of one patience: liars cost a twentieth of the server's time, and one accept() waits
 * no longer for many of them than for one. An honest sender that is met when patience is gone, and has not
 * spoken yet, keeps its client and offers it again. */
static enum handoff_progress read_in_time(struct handoff* handoff, const struct listener* listener,
                                          struct taking_held connection, int64_t patience) {
    const int64_t begun = now_us();
    const int64_t deadline = begun + patience_left(patience, begun);
    while (is_held(connection)) {
        const enum diversion_result diversion =
            handoff->received == 0 ? diversion_pass_on(listener, connection.fd) : diversion_not;
        if (diversion == diversion_gone)
            return handoff_ended;
        const enum handoff_progress progress = diversion == diversion_wait
                                                   ? handoff_wants_more
                                                   : handoff_read(&next_calls, handoff, connection.fd);
        const int64_t now = now_us();
        if (progress == handoff_complete)
            return progress;
        if (progress != handoff_wants_more || now >= deadline) {
            waited_in_vain((now < deadline ? now : deadline) - begun, now);
            return progress;
        }
        (void)wait_readable(connection.fd, (deadline - now + 999) / 1000);
    }
    return handoff_ended;
}

/* report_stranger: the router can only say that it was refused. Once a minute, as it comes again and again.
 */
static void report_stranger(enum handoff_sender who, uid_t user) {
    static _Atomic int64_t next_report;
    const int64_t now = now_us();
    int64_t due = next_report;
    if (now < due || !atomic_compare_exchange_strong(&next_report, &due, now + report_pause))
        return;
    if (who == handoff_nameless)
        report("clients come from a user without a number in this user namespace (a container), and are "
               "refused: "
               "give the router's user a number here, or, where nobody but the router can enter the socket's "
               "folder, start the server with snipass-run --from unmapped");
    else
        report("user %u may not hand over clients: snipass-run --from %u", user, user);
}

/* turn_away closes a stranger's connection. False: a signal handler's fork has done so. */
static void turn_away(struct taking_held connection) {
    if (let_go(connection))
        handoff_turn_away(&next_calls, connection.fd);
}

enum taking_result taking_client(const struct listener* listener, int accepted, int flags, int* client,
                                 struct sockaddr_storage* peer) {
    if (listener->is_diversion && (accepted = diversion_receive(accepted)) < 0)
        return taking_nothing;
    const struct taking_held connection = hold(accepted);
    size_t count = 0;
    uid_t user = 0;
    const uid_t* allowed = settings_allowed(&count);
    const enum handoff_sender who = handoff_judge_peer(&next_calls, connection.fd, allowed, count, &user);
    if (who != handoff_allowed) {
        report_stranger(who, user);
        turn_away(connection);
        return taking_nothing;
    }
    const bool blocking = (fcntl(listener->fd, F_GETFL) & O_NONBLOCK) == 0;
    struct handoff handoff;
    handoff_init(&handoff);
    handoff.takes_pairs = true; /* pairs.h */
    handoff.takes_keyed = true; /* tls_clients.h */
    const enum handoff_progress progress =
        read_in_time(&handoff, listener, connection, blocking ? header_patience_blocking : header_patience);
    if (progress == handoff_complete)
        return finish(&handoff, connection, flags, client, peer);
    handoff_drop(&next_calls, &handoff);
    close_held(connection);
    return progress == handoff_no_room ? taking_full : taking_nothing;
}
