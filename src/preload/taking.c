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

#include "../libsnipass/handoff.h"
#include "diversion.h"
#include "next.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    max_letting_go = 64,
    max_reserved = 256,
    header_patience = 10000,           /* us, in an event loop */
    header_patience_blocking = 100000, /* us, where the server would wait anyway */
    forgetting = 20,
    letting_go_patience = 50, /* ms */
    report_pause = 60000000,  /* us */
    stuck_pause = 1000000,    /* us in which a patience that was in vain is not tried again */
};

/* A client that is the server's already, and the connection whose end says that the router has let go of it.
 */
struct letting_go {
    int client;
    int connection;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards the lists; never held while waiting */
static struct letting_go letting_go[max_letting_go];      /* the oldest first */
static _Atomic size_t letting_go_count;
static int state_before_fork;                     /* whether the forking thread may be cancelled */
static int reserved_numbers[max_reserved];        /* 0: a free place; else one more than the number */
static _Atomic int64_t forgotten_at, stuck_until; /* us */

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool wait_readable(int fd, int64_t ms) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, (int)ms) == 1;
}

/* --- clients that the router has not let go of --- */

static void forget(size_t at) {
    memmove(&letting_go[at], &letting_go[at + 1], (letting_go_count - at - 1) * sizeof letting_go[0]);
    --letting_go_count;
}

static void close_oldest(void) {
    next_close(letting_go[0].connection);
    forget(0);
}

static void add(int client, int connection) {
    pthread_mutex_lock(&mutex);
    while (letting_go_count != 0 && handoff_let_go(letting_go[0].connection))
        close_oldest();
    if (letting_go_count == max_letting_go)
        close_oldest();
    letting_go[letting_go_count++] = (struct letting_go){.client = client, .connection = connection};
    pthread_mutex_unlock(&mutex);
}

void taking_before_close(int fd) {
    if (letting_go_count == 0)
        return;
    int connection = -1;
    /* close() is called in signal handlers and from wherever: it must not wait for a lock. */
    if (pthread_mutex_trylock(&mutex) != 0)
        return;
    for (size_t i = 0; i < letting_go_count && connection < 0; ++i) {
        if (letting_go[i].client != fd && letting_go[i].connection != fd)
            continue;
        connection = letting_go[i].connection;
        forget(i);
    }
    pthread_mutex_unlock(&mutex);
    if (connection < 0 || connection == fd)
        return;
    if (now_us() >= stuck_until && !wait_readable(connection, letting_go_patience))
        stuck_until = now_us() + stuck_pause;
    next_close(connection);
}

void taking_before_fork(void) {
    int state = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    pthread_mutex_lock(&mutex);
    state_before_fork = state;
}

void taking_after_fork(bool in_child) {
    while (in_child && letting_go_count != 0)
        close_oldest();
    for (size_t i = 0; in_child && i < max_reserved; ++i)
        if (reserved_numbers[i] != 0) {
            next_close(reserved_numbers[i] - 1);
            reserved_numbers[i] = 0;
        }
    const int state = state_before_fork;
    pthread_mutex_unlock(&mutex);
    pthread_setcancelstate(state, NULL);
}

/* --- room for a client --- */

static void replace_reserved(int from, int to) {
    for (size_t i = 0; i < max_reserved; ++i)
        if (reserved_numbers[i] == from) {
            reserved_numbers[i] = to;
            return;
        }
}

int taking_reserve(int listener) {
    pthread_mutex_lock(&mutex);
    const int reserved = handoff_reserve(listener);
    if (reserved >= 0)
        replace_reserved(0, reserved + 1);
    pthread_mutex_unlock(&mutex);
    return reserved;
}

void taking_release(int reserved) {
    const int error = errno;
    pthread_mutex_lock(&mutex);
    replace_reserved(reserved + 1, 0);
    next_close(reserved);
    pthread_mutex_unlock(&mutex);
    errno = error;
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
static enum taking_result finish(struct handoff* handoff, int connection, int flags, int* client,
                                 struct sockaddr_storage* peer) {
    struct handoff_metadata metadata;
    if (!handoff_parse(handoff, &metadata) || !handoff_acknowledge(connection)) {
        handoff_drop(handoff);
        next_close(connection);
        return taking_nothing;
    }
    set_flags(handoff->client, flags);
    handoff_addresses(handoff->client, &metadata);
    *peer = metadata.peer;
    *client = handoff_release(handoff);
    add(*client, connection);
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
static enum handoff_progress read_in_time(struct handoff* handoff, int listener, int connection,
                                          int64_t patience) {
    const int64_t begun = now_us();
    const int64_t deadline = begun + patience_left(patience, begun);
    for (;;) {
        const enum diversion_result diversion =
            handoff->received == 0 ? diversion_pass_on(listener, connection) : diversion_not;
        if (diversion == diversion_gone)
            return handoff_ended;
        const enum handoff_progress progress =
            diversion == diversion_wait ? handoff_wants_more : handoff_read(handoff, connection);
        const int64_t now = now_us();
        if (progress == handoff_complete)
            return progress;
        if (progress != handoff_wants_more || now >= deadline) {
            waited_in_vain((now < deadline ? now : deadline) - begun, now);
            return progress;
        }
        (void)wait_readable(connection, (deadline - now + 999) / 1000);
    }
}

/* is_stderr: of a server that has closed its own the number may be anybody's, a client or a file of its data.
 * Nor may a full pipe hold up the server. */
static bool is_stderr(int fd) {
    struct stat status;
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    int domain = 0;
    socklen_t size = sizeof domain;
    if (fstat(fd, &status) != 0 || poll(&one, 1, 0) != 1 || (one.revents & POLLOUT) == 0)
        return false;
    if (S_ISREG(status.st_mode))
        return (fcntl(fd, F_GETFL) & O_APPEND) != 0;
    return !S_ISSOCK(status.st_mode) ||
           (next_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX);
}

/* report_stranger: the router can only say that it was refused. Once a minute, as it comes again and again.
 */
static void report_stranger(int connection) {
    static _Atomic int64_t next_report;
    struct ucred sender = {0};
    socklen_t size = sizeof sender;
    const int64_t now = now_us();
    if (!is_stderr(STDERR_FILENO))
        return;
    int64_t due = next_report;
    if (now < due || !atomic_compare_exchange_strong(&next_report, &due, now + report_pause) ||
        next_getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &sender, &size) != 0)
        return;
    char text[128];
    const int length =
        snprintf(text, sizeof text,
                 "snipass preload: user %u may not hand over clients: snipass-run --from USER\n", sender.uid);
    (void)!write(STDERR_FILENO, text, (size_t)length);
}

enum taking_result taking_client(int listener, int connection, int flags, int* client,
                                 struct sockaddr_storage* peer) {
    if (diversion_is(listener) && (connection = diversion_receive(connection)) < 0)
        return taking_nothing;
    (void)fcntl(connection, F_SETFD, FD_CLOEXEC);
    size_t count = 0;
    const uid_t* allowed = settings_allowed(&count);
    const bool blocking = (fcntl(listener, F_GETFL) & O_NONBLOCK) == 0;
    struct handoff handoff;
    handoff_init(&handoff);
    enum handoff_progress progress = handoff_refused;
    if (!handoff_sender_allowed(connection, allowed, count))
        report_stranger(connection);
    else
        progress = read_in_time(&handoff, listener, connection,
                                blocking ? header_patience_blocking : header_patience);
    if (progress == handoff_complete)
        return finish(&handoff, connection, flags, client, peer);
    handoff_drop(&handoff);
    next_close(connection);
    return progress == handoff_no_room ? taking_full : taking_nothing;
}
