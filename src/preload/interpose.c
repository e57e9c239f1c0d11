// SPDX-License-Identifier: BSL-1.0
/* libsnipass_preload.so: an unmodified server takes handed-off clients (docs/backends.md).
 *
 * It stands in front of the few functions that a server uses to listen and to accept. A listener of ours is a
 * unix stream socket: the kernel wakes event loops, workers and blocked threads for it as it does for TCP,
 * and this library only turns what accept() got, the router's connection, into what came over it, the client.
 * For all other sockets nothing changes. */
#include "interpose.h"

#include "../libsnipass/cancellation.h"
#include "addresses.h"
#include "binding.h"
#include "clients.h"
#include "exec.h"
#include "lineage.h"
#include "listeners.h"
#include "next.h"
#include "options.h"
#include "registrations.h"
#include "report.h"
#include "taking.h"
#include "tls_clients.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

enum {
    max_lies = 32, /* in one accept(): then the event loop gets its turn */
};

static pid_t
    process; /* what is remembered belongs to it; a vfork()ed child shares the memory, not the descriptors */

/* --- start and fork --- */

static void before_fork(void) {
    registrations_before_fork();
    tls_clients_share_all();
}

static void after_fork_in_child(void) {
    lineage_after_fork(process);
    process = getpid();
    taking_after_fork();
    binding_after_fork();
}

__attribute__((constructor)) static void start(void) {
    next_resolve();
    report_start();
    settings_load();
    if (settings_empty())
        return;
    process = getpid();
    exec_start();
    pthread_atfork(before_fork, NULL, after_fork_in_child);
}

/* --- accept --- */

static void release(void* reserved) {
    taking_release(*(const struct taking_held*)reserved);
}

/* accept_connection is where a thread that waits for a client may be cancelled, as on TCP, and nothing of
 * ours stays behind. */
static int accept_connection(int listener, int cancel_state) {
    struct taking_held reserved = taking_reserve(listener);
    if (reserved.fd < 0)
        return -1;
    int connection = -1;
    pthread_cleanup_push(release, &reserved);
    pthread_setcancelstate(cancel_state, NULL);
    connection = next_accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cleanup_pop(true);
    return connection;
}

/* welcome makes of the client what accept() would have returned for this listener. */
static void welcome(int client, const struct listener* listener, const struct sockaddr_storage* peer,
                    struct sockaddr* address, socklen_t* size) {
    const sa_family_t family = listener->address.ss_family;
    options_give(listener->entry, family, client);
    if (family == AF_INET6 && peer->ss_family == AF_INET && !listener->v6_only)
        clients_remember_mapped(client);
    addresses_give_peer(listener, *peer, address, size);
}

static int accept_client(const struct listener* listener, struct sockaddr* address, socklen_t* size,
                         int flags, int cancel_state) {
    struct sockaddr_storage peer;
    int client = -1;
    for (int lies = 0; lies < max_lies; ++lies) {
        const int connection = accept_connection(listener->fd, cancel_state);
        if (connection < 0)
            return -1;
        const enum taking_result result = taking_client(listener, connection, flags, &client, &peer);
        if (result == taking_done) {
            welcome(client, listener, &peer, address, size);
            return client;
        }
        if (result == taking_full) {
            errno = EMFILE;
            return -1;
        }
        /* An event loop gets the next client, or EAGAIN. A server that may have polled, and must not be kept
         * here: one failure. */
        if ((fcntl(listener->fd, F_GETFL) & O_NONBLOCK) == 0)
            break;
    }
    errno = ECONNABORTED;
    return -1;
}

int our_accept4(int fd, struct sockaddr* address, socklen_t* size, int flags) {
    struct listener listener;
    if (settings_empty() || !listeners_read(fd, &listener))
        return next_accept4(fd, address, size, flags);
    listeners_use(&listener);
    const int cancel_state = cancellation_off();
    const int client = accept_client(&listener, address, size, flags, cancel_state);
    cancellation_restore(cancel_state);
    return client;
}

int our_accept(int listener, struct sockaddr* address, socklen_t* size) {
    return our_accept4(listener, address, size, 0);
}

/* --- what servers do around it --- */

/* is_emulated: a unix socket that the server believes to be a TCP listener. */
static bool is_emulated(int fd) {
    const struct entry* entry = listeners_entry(fd);
    return entry != NULL && entry->tcp.ss_family != AF_UNSPEC;
}

/* bind_other: of a port that nobody told us of. A server that is confined says of it what it would say of a
 * missing privilege. */
static int bind_other(int fd, const struct sockaddr* address, socklen_t size) {
    const int result = next_bind(fd, address, size);
    if (result != 0 && errno == EACCES && !settings_empty() &&
        (address->sa_family == AF_INET || address->sa_family == AF_INET6))
        report("port %u may not be bound: Permission denied. No --listen names it; and --confine and "
               "--try-confine "
               "forbid every port that neither --listen nor --may-bind names",
               ntohs(((const struct sockaddr_in*)address)->sin_port));
    return result;
}

int our_bind(int fd, const struct sockaddr* address, socklen_t size) {
    const struct entry* entry = settings_empty() || address == NULL || size < sizeof address->sa_family
                                    ? NULL
                                    : settings_entry_for(address, size);
    int type = 0;
    socklen_t type_size = sizeof type;
    if (entry == NULL || next_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 ||
        type != SOCK_STREAM)
        return bind_other(fd, address, size);
    if (is_emulated(fd)) {
        errno = EINVAL; /* bound already */
        return -1;
    }
    const int cancel_state = cancellation_off();
    const int result = address->sa_family == AF_UNIX ? binding_unix(fd, address, size, entry)
                                                     : binding_tcp(fd, address, size, entry);
    cancellation_restore(cancel_state);
    if (result == 0)
        exec_has_served();
    return result;
}

int our_close(int fd) {
    if (fd >= 0 && !settings_empty() && getpid() == process) {
        const int error = errno;
        const int cancel_state = cancellation_off();
        taking_before_close(fd);
        binding_before_close(fd);
        tls_clients_before_close(fd);
        cancellation_restore(cancel_state);
        errno = error;
    }
    return next_close(fd);
}

/* HAProxy pauses a listener so, and listens again later. Meanwhile it does not accept, and the clients are
 * the router's. */
int our_connect(int fd, const struct sockaddr* address, socklen_t size) {
    if (address != NULL && size >= sizeof address->sa_family && address->sa_family == AF_UNSPEC &&
        is_emulated(fd))
        return 0;
    return next_connect(fd, address, size);
}

int our_epoll_create(int size) {
    const int epoll = next_epoll_create(size);
    registrations_made(epoll);
    return epoll;
}

int our_epoll_create1(int flags) {
    const int epoll = next_epoll_create1(flags);
    registrations_made(epoll);
    return epoll;
}
