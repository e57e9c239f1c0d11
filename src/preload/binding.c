// SPDX-License-Identifier: BSL-1.0
/* See binding.h. */
#include "binding.h"

#include "calls.h"
#include "diversion.h"
#include "listeners.h"
#include "next.h"
#include "options.h"
#include "registrations.h"
#include "report.h"
#include "snipass/handoff/unix_bind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    first_backlog = 128,
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* one bind() at a time */

void binding_after_fork(void) {
    (void)pthread_mutex_init(&mutex, NULL);
}

static bool option_is_set(int fd, int level, int option) {
    int on = 0;
    socklen_t size = sizeof on;
    return next_getsockopt(fd, level, option, &on, &size) == 0 && on != 0;
}

static bool is_same_address(const struct sockaddr_storage* one, const struct sockaddr* other) {
    if (one->ss_family != other->sa_family)
        return false;
    const bool v6 = other->sa_family == AF_INET6;
    const size_t offset =
        v6 ? offsetof(struct sockaddr_in6, sin6_addr) : offsetof(struct sockaddr_in, sin_addr);
    const size_t size = v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
    return memcmp((const char*)one + offset, (const char*)other + offset, size) ==
           0; /* the port is the entry's */
}

static const char* remedy_for(int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return "; make its folder first, as docs/backends.md, Permissions, has it";
    case EACCES:
    case EPERM:
        return "; let this user write to its folder, as docs/backends.md, Permissions, has it";
    case EROFS:
        return "; the unit of this server lets it write there with ReadWritePaths=";
    case EADDRINUSE:
        return "; another process listens there, or a file lies there that is no socket: give each server a "
               "path of its own";
    default:
        return "";
    }
}

/* report_refusal: the server itself would tell of an address and a port. */
static void report_refusal(const char* path) {
    report("cannot listen at %s: %s%s", path, strerror(errno), remedy_for(errno));
}

/* bind_for_all: whoever may enter the folder may connect; who may hand over is checked at each handoff. It
 * listens already, or the next server to start would take it for a dead one's; the server's own listen() only
 * says how long the backlog is. */
static bool bind_for_all(int fd, const char* path) {
    if (unix_listen(&next_calls, fd, path, 0666, first_backlog) == 0)
        return true;
    report_refusal(path);
    return false;
}

static int keep_error(int fd_to_close) {
    const int error = errno;
    if (fd_to_close >= 0)
        next_close(fd_to_close);
    errno = error;
    return -1;
}

static int open_source(const struct entry* entry) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 || bind_for_all(fd, entry->path) ? fd : keep_error(fd);
}

/* A server that listens at two addresses may choose the site by the address (nginx, HAProxy), and of a
 * handed-off client nobody can say which one it was meant for. */
static void report_second(const struct sockaddr* address) {
    char host[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in* v4 = (const struct sockaddr_in*)address; /* the port has one place in both */
    const struct sockaddr_in6* v6 = (const struct sockaddr_in6*)address;
    const unsigned port = ntohs(v4->sin_port);
    inet_ntop(address->sa_family,
              address->sa_family == AF_INET6 ? (const void*)&v6->sin6_addr : (const void*)&v4->sin_addr, host,
              sizeof host);
    report("%s is a second address on port %u; give each its own socket: "
           "snipass-run SOCKET1 --listen ADDRESS1:%u -- snipass-run SOCKET2 --listen ADDRESS2:%u -- ...",
           host, port, port, port);
}

/* replace puts `source` in the place of `fd`, which keeps its flags, and its place in event loops. O_NONBLOCK
 * is the open socket's: one that others have already may only gain it. */
static bool replace(int fd, int source, bool is_shared) {
    const int status = fcntl(fd, F_GETFL) & O_NONBLOCK, before = fcntl(source, F_GETFL);
    const int close_on_exec = (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0;
    struct registration watched[max_registrations];
    const size_t count = registrations_take(fd, watched);
    const bool done = dup3(source, fd, close_on_exec) >= 0 &&
                      fcntl(fd, F_SETFL, is_shared ? before | status : (before & ~O_NONBLOCK) | status) == 0;
    registrations_give(fd, watched, count);
    return done;
}

/* siblings: what there is of the entry already. */
struct siblings {
    int same;               /* a listener at that very address; -1: none */
    struct listener source; /* .fd -1: none */
};

/* find_siblings: false and EADDRINUSE where there is no room for one more at `address`. */
static bool find_siblings(int fd, const struct sockaddr* address, const struct entry* entry,
                          struct siblings* siblings) {
    struct listener one;
    *siblings = (struct siblings){.same = -1, .source.fd = -1};
    for (size_t at = 0; listeners_next(&at, entry, &one);) {
        if (!one.is_diversion)
            siblings->source = one;
        if (one.address.ss_family != address->sa_family)
            continue;
        const bool same = is_same_address(&one.address, address);
        if (!same)
            report_second(address);
        if (!same || !option_is_set(fd, SOL_SOCKET, SO_REUSEPORT)) {
            errno = EADDRINUSE;
            return false;
        }
        siblings->same = one.fd;
    }
    return true;
}

/* bind_new makes the first listener of its family. */
static bool bind_new(struct listener* created, const struct listener* source) {
    if (source->fd < 0 && getrandom(&created->secret, sizeof created->secret, 0) != sizeof created->secret)
        return false;
    const int made = source->fd < 0 ? open_source(created->entry) : diversion_open(source);
    if (made < 0)
        return false;
    options_collect(created->fd, created->entry, created->address.ss_family);
    options_wait(created->fd, made);
    const bool done = replace(created->fd, made, false);
    (void)keep_error(made);
    if (done)
        listeners_write(created);
    return done;
}

static int bind_tcp(int fd, const struct sockaddr* address, socklen_t size, const struct entry* entry) {
    struct listener created = {.fd = fd, .entry = entry};
    created.v6_only = address->sa_family == AF_INET6 && option_is_set(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    memcpy(&created.address, address, size < sizeof created.address ? size : sizeof created.address);
    struct siblings siblings;
    if (!find_siblings(fd, address, entry, &siblings))
        return -1;
    const bool done =
        siblings.same >= 0 ? replace(fd, siblings.same, true) : bind_new(&created, &siblings.source);
    if (!done)
        return -1;
    listeners_remember(fd);
    return 0;
}

int binding_tcp(int fd, const struct sockaddr* address, socklen_t size, const struct entry* entry) {
    pthread_mutex_lock(&mutex);
    const int result = bind_tcp(fd, address, size, entry);
    const int error = errno;
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

int binding_unix(int fd, const struct sockaddr* address, socklen_t size, const struct entry* entry) {
    const char* path = ((const struct sockaddr_un*)address)->sun_path;
    /* HAProxy binds another name first, and renames it. */
    const bool is_final = strnlen(path, size - offsetof(struct sockaddr_un, sun_path)) == strlen(entry->path);
    if (!(is_final ? bind_for_all(fd, entry->path) : next_bind(fd, address, size) == 0))
        return -1;
    listeners_remember(fd);
    return 0;
}

/* inherit makes `heir` the source in the place of `source`, which goes. In this order a client that is met on
 * the way is refused, and offered again. */
static void inherit(const struct listener* heir, const struct listener* source) {
    struct listener now = *heir;
    now.is_diversion = false;
    now.secret = source->secret;
    listeners_intend(&now);
    (void)replace(heir->fd, source->fd, true);
    diversion_wake(source);
}

void binding_before_close(int fd) {
    struct listener closing, one;
    if (!listeners_knows(fd))
        return;
    const bool was_alive = listeners_read(fd, &closing);
    listeners_forget(fd);
    if (!was_alive)
        return;
    bool is_copied = false, has_heir = false;
    for (size_t at = 0; listeners_next(&at, closing.entry, &one);) {
        has_heir = true;
        is_copied = is_copied || one.is_diversion == closing.is_diversion;
    }
    for (size_t at = 0; !is_copied && !closing.is_diversion && listeners_next(&at, closing.entry, &one);)
        inherit(&one, &closing);
    if (is_copied || (has_heir && !closing.is_diversion))
        registrations_drop(fd); /* the socket lives on under another number */
}
