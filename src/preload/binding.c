/* See binding.h. */
#include "binding.h"

#include "../libsnipass/unix_bind.h"
#include "diversion.h"
#include "listeners.h"
#include "next.h"
#include "options.h"
#include "registrations.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    first_backlog = 128,
};

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

/* is_alive: still the listener that it was. Its number may have been closed behind our back, and given away.
 */
static bool is_alive(const struct listener* listener) {
    return listeners_entry(listener->fd) == listener->entry;
}

/* bind_for_all: whoever may enter the folder may connect; who may hand over is checked at each handoff. It
 * listens already, or the next server to start would take it for a dead one's; the server's own listen() only
 * says how long the backlog is. */
static bool bind_for_all(int fd, const char* path) {
    return unix_listen(fd, path, 0666, first_backlog) == 0;
}

static int keep_error(int fd_to_close) {
    const int error = errno;
    if (fd_to_close >= 0)
        next_close(fd_to_close);
    errno = error;
    return -1;
}

static int open_real(const struct entry* entry) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 || bind_for_all(fd, entry->path) ? fd : keep_error(fd);
}

/* replace puts `source` in the place of `fd`, which keeps its flags. */
static bool replace(int fd, int source) {
    const int status_flags = fcntl(fd, F_GETFL);
    const int close_on_exec = (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0;
    return dup3(source, fd, close_on_exec) >= 0 && fcntl(fd, F_SETFL, status_flags & O_NONBLOCK) == 0;
}

/* A server that listens at two addresses may choose the site by the address (nginx, HAProxy), and of a
 * handed-off client nobody can say which one it was meant for. */
static void report_second(const struct sockaddr* address) {
    char host[INET6_ADDRSTRLEN] = "";
    const bool v6 = address->sa_family == AF_INET6;
    const struct sockaddr_in* v4 = (const struct sockaddr_in*)address; /* the port has one place in both */
    inet_ntop(address->sa_family,
              v6 ? (const void*)&((const struct sockaddr_in6*)address)->sin6_addr
                 : (const void*)&v4->sin_addr,
              host, sizeof host);
    fprintf(stderr,
            "snipass preload: %s is a second address on port %u; give each its own socket: "
            "snipass-run SOCKET1 --listen ADDRESS1:%u -- snipass-run SOCKET2 --listen ADDRESS2:%u -- ...\n",
            host, ntohs(v4->sin_port), ntohs(v4->sin_port), ntohs(v4->sin_port));
}

/* source_for: the socket that a new listener at `address` becomes a copy of; *owned says that it was made for
 * it. */
static int source_for(int fd, const struct sockaddr* address, const struct entry* entry, bool* owned) {
    const struct listener *sibling = NULL, *source = NULL;
    for (struct listener* one = listeners_next(NULL, entry); one != NULL; one = listeners_next(one, entry)) {
        if (!is_alive(one))
            continue;
        if (!diversion_is(one->fd))
            source = one;
        if (one->address.ss_family != address->sa_family)
            continue;
        const bool same = is_same_address(&one->address, address);
        if (!same)
            report_second(address);
        if (!same || !option_is_set(fd, SOL_SOCKET, SO_REUSEPORT)) {
            errno = EADDRINUSE;
            return -1;
        }
        sibling = one;
    }
    *owned = sibling == NULL;
    if (sibling != NULL)
        return sibling->fd;
    return source != NULL ? diversion_open(source->fd, entry) : open_real(entry);
}

int binding_tcp(int fd, const struct sockaddr* address, socklen_t size, const struct entry* entry) {
    struct listener created = {.fd = fd, .entry = entry};
    created.v6_only = address->sa_family == AF_INET6 && option_is_set(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    memcpy(&created.address, address, size < sizeof created.address ? size : sizeof created.address);
    bool owned = false;
    int source = source_for(fd, address, entry, &owned);
    if (source < 0)
        return -1;
    if (owned) {
        options_collect(fd, entry, address->sa_family);
        options_wait(fd, source);
    }
    const bool done = replace(fd, source);
    if (owned)
        keep_error(source);
    if (!done)
        return -1;
    listeners_remember(&created);
    listeners_mark(&created);
    return 0;
}

int binding_unix(int fd, const struct sockaddr* address, socklen_t size, const struct entry* entry) {
    const char* path = ((const struct sockaddr_un*)address)->sun_path;
    /* HAProxy binds another name first, and renames it. */
    const bool is_final = strnlen(path, size - offsetof(struct sockaddr_un, sun_path)) == strlen(entry->path);
    if (!(is_final ? bind_for_all(fd, entry->path) : next_bind(fd, address, size) == 0))
        return -1;
    listeners_remember(&(struct listener){.fd = fd, .entry = entry});
    return 0;
}

/* inherit makes `heir` the source in the place of `fd`, which goes: here alone, so the mark on the socket
 * stays. */
static void inherit(struct listener* heir, int fd) {
    struct registration watched[max_registrations];
    const size_t count = registrations_take(heir->fd, watched);
    (void)replace(heir->fd, fd);
    registrations_give(heir->fd, watched, count);
}

void binding_before_close(int fd) {
    struct listener* closing = listeners_find(fd);
    if (closing == NULL)
        return;
    const bool was_alive = is_alive(closing);
    const bool was_diversion = diversion_is(fd);
    const struct entry* entry = closing->entry;
    closing->fd = -1;
    if (!was_alive)
        return;
    struct registration watched[max_registrations];
    bool has_heir = false;
    for (struct listener* one = listeners_next(NULL, entry); one != NULL; one = listeners_next(one, entry)) {
        if (!is_alive(one))
            continue;
        has_heir = true;
        if (diversion_is(one->fd) != was_diversion)
            continue;
        (void)registrations_take(fd, watched); /* the socket lives on under another number */
        return;
    }
    if (was_diversion || !has_heir)
        return;
    for (struct listener* one = listeners_next(NULL, entry); one != NULL; one = listeners_next(one, entry)) {
        if (is_alive(one))
            inherit(one, fd);
    }
    (void)registrations_take(fd, watched);
}
