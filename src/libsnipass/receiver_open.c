// SPDX-License-Identifier: BSL-1.0
/* Making a receiver. */
#include "cancellation.h"
#include "receiver_state.h"
#include "snipass/handoff/datagram.h"
#include "snipass/handoff/unix_bind.h"
#include "users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    default_mode = 0660,
    default_backlog = 1024,
    default_patience = 1000, /* ms */
};

int snipass_receiver_fd(const snipass_receiver* receiver) {
    return receiver->epoll;
}

unsigned long snipass_strangers(const snipass_receiver* receiver) {
    return __atomic_load_n(&receiver->strangers, __ATOMIC_RELAXED);
}

uid_t snipass_last_stranger(const snipass_receiver* receiver) {
    return __atomic_load_n(&receiver->stranger, __ATOMIC_RELAXED);
}

static bool set_up(struct snipass_receiver* receiver, const struct snipass_options* options) {
    receiver->protocol = options->protocol;
    receiver->in_clear = options->in_clear;
    receiver->takes_ech = options->ech != 0 && options->protocol == SNIPASS_STREAM;
    receiver->patience = options->patience_ms != 0 ? options->patience_ms : default_patience;
    receiver->allowed = users_allowed(options, &receiver->allowed_count);
    receiver->stranger = (uid_t)-1;
    receiver->buffer = options->protocol == SNIPASS_DATAGRAM ? malloc(handoff_datagram_max) : NULL;
    if (receiver->allowed == NULL || (options->protocol == SNIPASS_DATAGRAM && receiver->buffer == NULL))
        return false;
    receiver->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    receiver->epoll = epoll_create1(EPOLL_CLOEXEC);
    /* Each client is one process's, of those that share the socket; EPOLLRDHUP is not allowed with that. */
    const uint32_t more = options->protocol != SNIPASS_DATAGRAM ? EPOLLEXCLUSIVE : EPOLLRDHUP;
    return receiver->timer >= 0 && receiver->epoll >= 0 &&
           receiver_watch(receiver, receiver->timer, 0, &receiver->timer) &&
           receiver_watch(receiver, receiver->listener, more, &receiver->listener);
}

static bool is_protocol(int protocol) {
    errno = EINVAL;
    return protocol >= SNIPASS_STREAM && protocol <= SNIPASS_SCGI_ACK;
}

static bool has_option(int unix_fd, int name, int value) {
    int found = 0;
    socklen_t size = sizeof found;
    if (getsockopt(unix_fd, SOL_SOCKET, name, &found, &size) != 0)
        return false;
    errno = EPROTOTYPE;
    return found == value;
}

/* prepare checks that the socket is of the protocol's kind, and sets on it what the protocol needs. */
static bool prepare(int unix_fd, enum snipass_protocol protocol) {
    const int on = 1;
    const int type = protocol == SNIPASS_DATAGRAM ? SOCK_DGRAM : SOCK_STREAM;
    if (!has_option(unix_fd, SO_DOMAIN, AF_UNIX) || !has_option(unix_fd, SO_TYPE, type))
        return false;
    const int flags = fcntl(unix_fd, F_GETFL);
    return flags >= 0 && fcntl(unix_fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(unix_fd, F_SETFD, FD_CLOEXEC) == 0 &&
           (type == SOCK_STREAM || setsockopt(unix_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
}

/* One that does not listen would be readable for ever. */
static bool can_receive(int unix_fd, enum snipass_protocol protocol) {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (protocol == SNIPASS_DATAGRAM)
        return true;
    if (getsockopt(unix_fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0)
        return false;
    errno = EINVAL;
    return listens != 0;
}

static struct snipass_receiver* adopt(int unix_fd, const struct snipass_options* options) {
    if (!is_protocol((int)options->protocol) || !prepare(unix_fd, options->protocol) ||
        !can_receive(unix_fd, options->protocol))
        return NULL;
    struct snipass_receiver* receiver = calloc(1, sizeof *receiver);
    if (receiver == NULL)
        return NULL;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&receiver->mutex, NULL);
    pthread_cond_init(&receiver->turn, &clock);
    pthread_condattr_destroy(&clock);
    receiver->listener = unix_fd;
    receiver->owner = getpid();
    receiver->epoll = receiver->timer = -1;
    if (set_up(receiver, options))
        return receiver;
    const int error = errno;
    receiver->listener = -1; /* the caller's still */
    snipass_receiver_free(receiver);
    errno = error;
    return NULL;
}

static struct snipass_receiver* listen_at(const char* path, const struct snipass_options* options) {
    if (!is_protocol((int)options->protocol))
        return NULL;
    const bool datagram = options->protocol == SNIPASS_DATAGRAM;
    const mode_t mode = options->mode != 0 ? options->mode : default_mode;
    const int fd = socket(AF_UNIX, (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return NULL;
    struct snipass_receiver* receiver = NULL;
    const int backlog = options->backlog > 0 ? options->backlog : default_backlog;
    const bool listens =
        prepare(fd, options->protocol) && unix_listen(&handoff_libc, fd, path, mode, backlog) == 0;
    if (listens)
        receiver = adopt(fd, options);
    if (receiver == NULL) {
        const int error = errno;
        if (listens) /* and is not taken for a dead one before that */
            (void)unlink(path);
        close(fd);
        errno = error;
        return NULL;
    }
    receiver->is_own = true;
    return receiver;
}

static const struct snipass_options defaults;

snipass_receiver* snipass_adopt(int unix_fd, const struct snipass_options* options) {
    const int cancellation = cancellation_off();
    struct snipass_receiver* receiver = adopt(unix_fd, options != NULL ? options : &defaults);
    cancellation_restore(cancellation);
    return receiver;
}

snipass_receiver* snipass_listen(const char* path, const struct snipass_options* options) {
    const int cancellation = cancellation_off();
    struct snipass_receiver* receiver = listen_at(path, options != NULL ? options : &defaults);
    cancellation_restore(cancellation);
    return receiver;
}
