// SPDX-License-Identifier: BSL-1.0
/* See diversion.h. */
#include "diversion.h"

#include "calls.h"
#include "next.h"
#include "snipass/handoff/foreign.h"
#include "snipass/handoff/receiving.h"
#include "snipass/handoff/sender.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    first_backlog = 128, /* until the server's own listen(), as of the source */
    patience = 10,       /* ms between the connect() and the send() of one of our own */
    max_waiters = 16,    /* threads of one process in accept(), select() or poll() */
    fixed_size = 16,     /* of the header, before the client's address */
    family_at = 13,
    v4 = 0x11,
    v6 = 0x21,
};

/* name_of: the same for whoever has `source`, and nobody else's to guess and to take before us. Abstract, so
 * that neither a chroot nor the folder's mode is in the way; who is behind it is checked instead. */
static socklen_t name_of(const struct listener* source, struct sockaddr_un* address) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    const int size = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "%s%016" PRIx64,
                              source->entry->diversion, source->secret);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
}

int diversion_open(const struct listener* source) {
    struct sockaddr_un address;
    const socklen_t size = name_of(source, &address);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || (next_bind(fd, (struct sockaddr*)&address, size) == 0 && listen(fd, first_backlog) == 0))
        return fd;
    const int error = errno;
    next_close(fd);
    errno = error;
    return -1;
}

static int knock(const struct sockaddr_un* address, socklen_t size) {
    const int at = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (at < 0 || next_connect(at, (const struct sockaddr*)address, size) == 0)
        return at;
    next_close(at);
    return -1;
}

/* select() and poll() go on sleeping at the old socket, and look at the new one when they are woken: there
 * must be something to see. */
void diversion_wake(const struct listener* source) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, source->entry->path, sizeof address.sun_path);
    int open[1 + max_waiters] = {knock(&address, sizeof address)};
    size_t count = 1;
    const socklen_t size = name_of(source, &address);
    while (count <= max_waiters && (open[count] = knock(&address, size)) >= 0)
        ++count;
    while (count-- > 0)
        if (open[count] >= 0)
            next_close(open[count]);
}

/* family_in is the client's, in the first `size` bytes of a header; AF_UNSPEC: they do not say. (An honest
 * router sends it in one piece.) */
static sa_family_t family_in(const unsigned char* bytes, size_t size) {
    if (size < fixed_size)
        return AF_UNSPEC;
    if (bytes[family_at] == v4)
        return AF_INET;
    struct in6_addr client;
    if (bytes[family_at] != v6 || size < fixed_size + sizeof client)
        return AF_UNSPEC;
    memcpy(&client, bytes + fixed_size, sizeof client);
    return IN6_IS_ADDR_V4MAPPED(&client) ? AF_INET : AF_INET6;
}

/* has_other: this process has a listener of the other family. (Of one that it has closed, another process may
 * have a copy and not look at it.) */
static bool has_other(const struct listener* than) {
    struct listener one;
    for (size_t at = 0; listeners_next(&at, than->entry, &one);)
        if (one.address.ss_family != than->address.ss_family)
            return true;
    return false;
}

static bool is_one_of_us(int connection) {
    uid_t user;
    return handoff_judge_peer(&next_calls, connection, NULL, 0, &user) == handoff_allowed;
}

static enum diversion_result send_to(const struct sockaddr_un* address, socklen_t size, int connection) {
    const int to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (to < 0)
        return errno == EMFILE || errno == ENFILE ? diversion_gone : diversion_not;
    const bool connected = next_connect(to, (const struct sockaddr*)address, size) == 0;
    const bool full = !connected && errno == EAGAIN;
    /* Whoever listens at the name must be one of us. */
    const bool ours = connected && is_one_of_us(to);
    if (ours)
        (void)handoff_send_one(&next_calls, to, 0, connection); /* if that fails: as if it had no room */
    next_close(to);
    return ours || full ? diversion_gone : diversion_not; /* no other listener: this one must do */
}

enum diversion_result diversion_pass_on(const struct listener* listener, int connection) {
    if (listener->is_diversion || !listener->entry->any_address || !listeners_knows_another(listener->fd))
        return diversion_not;
    unsigned char bytes[fixed_size + sizeof(struct in6_addr)];
    const ssize_t n = recv(connection, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN ? diversion_wait : diversion_not;
    const sa_family_t family = family_in(bytes, (size_t)n);
    if (family == AF_UNSPEC || family == listener->address.ss_family || !has_other(listener))
        return diversion_not;
    struct sockaddr_un address;
    const socklen_t size = name_of(listener, &address);
    return send_to(&address, size, connection);
}

int diversion_receive(int from) {
    if (!is_one_of_us(from)) {
        handoff_turn_away(&next_calls, from);
        return -1;
    }
    struct pollfd one = {.fd = from, .events = POLLIN};
    const int connection = poll(&one, 1, patience) == 1 ? handoff_receive_one(&next_calls, from) : -1;
    next_close(from);
    return connection;
}
