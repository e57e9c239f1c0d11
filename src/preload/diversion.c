/* See diversion.h. */
#include "diversion.h"

#include "../libsnipass/handoff.h"
#include "listeners.h"
#include "next.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    first_backlog = 128, /* until the server's own listen(), as of the source */
    patience = 10,       /* ms between the connect() and the send() of one of our own */
    fixed_size = 16,     /* of the header, before the client's address */
    family_at = 13,
    v4 = 0x11,
    v6 = 0x21,
};

/* name_for: the same for whoever has `source`, and nobody else's: abstract, so that neither a chroot nor the
 * folder's mode is in the way, with the number that the kernel gave the socket. As of a path, settings.c
 * knows the entry by it. Returns the address's size, 0: too long. */
static socklen_t name_for(int source, const struct entry* entry, struct sockaddr_un* address) {
    struct stat status;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (fstat(source, &status) != 0)
        return 0;
    const size_t room = sizeof address->sun_path - 1;
    const int size =
        snprintf(address->sun_path + 1, room, "%s.%ju.tmp", entry->path, (uintmax_t)status.st_ino);
    return size > 0 && (size_t)size < room
               ? (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size)
               : 0;
}

int diversion_open(int source, const struct entry* entry) {
    struct sockaddr_un address;
    const socklen_t size = name_for(source, entry, &address);
    if (size == 0) {
        errno = ENAMETOOLONG;
        return -1;
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || (next_bind(fd, (struct sockaddr*)&address, size) == 0 && listen(fd, first_backlog) == 0))
        return fd;
    const int error = errno;
    next_close(fd);
    errno = error;
    return -1;
}

static bool is_diversion(const struct sockaddr_un* address, socklen_t size) {
    return address->sun_family == AF_UNIX && size > offsetof(struct sockaddr_un, sun_path) &&
           address->sun_path[0] == '\0';
}

bool diversion_is(int fd) {
    struct sockaddr_un address;
    socklen_t size = sizeof address;
    return next_getsockname(fd, (struct sockaddr*)&address, &size) == 0 && is_diversion(&address, size);
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

/* may_have: this process has a listener of `family`, or got its listeners without our noticing (HAProxy, from
 * its last worker). Of one that it has closed, another process may have a copy and not look at it. */
static bool may_have(const struct entry* entry, sa_family_t family) {
    bool any = false;
    for (struct listener* one = listeners_next(NULL, entry); one != NULL; one = listeners_next(one, entry)) {
        if (one->address.ss_family == family)
            return true;
        any = true;
    }
    return !any;
}

static bool send_connection(int to, int connection) {
    char byte = 0;
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof connection);
    memcpy(CMSG_DATA(rights), &connection, sizeof connection);
    return sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

static enum diversion_result send_to(const struct sockaddr_un* address, socklen_t size, int connection) {
    const int to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (to < 0)
        return errno == EMFILE || errno == ENFILE ? diversion_gone : diversion_not;
    const bool connected = connect(to, (const struct sockaddr*)address, size) == 0;
    const bool full = !connected && errno == EAGAIN;
    if (connected)
        (void)send_connection(to, connection); /* if that fails: as if it had no room */
    next_close(to);
    return connected || full ? diversion_gone : diversion_not; /* no other listener: this one must do */
}

enum diversion_result diversion_pass_on(int listener, int connection) {
    struct sockaddr_un address;
    socklen_t size = sizeof address;
    if (next_getsockname(listener, (struct sockaddr*)&address, &size) != 0 || is_diversion(&address, size))
        return diversion_not;
    const struct entry* entry = settings_entry_for((const struct sockaddr*)&address, size);
    if (entry == NULL || !entry->any_address)
        return diversion_not;
    const struct listener believed = listeners_of(listener, entry);
    if (!may_have(entry, believed.address.ss_family == AF_INET ? AF_INET6 : AF_INET))
        return diversion_not;
    unsigned char bytes[fixed_size + sizeof(struct in6_addr)];
    const ssize_t n = recv(connection, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN ? diversion_wait : diversion_not;
    const sa_family_t family = family_in(bytes, (size_t)n);
    if (family == AF_UNSPEC || family == believed.address.ss_family)
        return diversion_not;
    size = name_for(listener, entry, &address);
    return send_to(&address, size, connection);
}

int diversion_receive(int from) {
    unsigned char byte;
    int connection = -1, flags = 0;
    size_t count = 0;
    struct pollfd one = {.fd = from, .events = POLLIN};
    const bool good = handoff_sender_allowed(from, NULL, 0) && poll(&one, 1, patience) == 1 &&
                      handoff_receive_message(from, &byte, 1, &connection, &count, NULL, &flags) == 1;
    next_close(from);
    if (good || connection < 0)
        return connection;
    next_close(connection);
    return -1;
}
