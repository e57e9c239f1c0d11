// SPDX-License-Identifier: BSL-1.0
/* See tls_clients.h. */
#include "tls_clients.h"

#include "../libsnipass/cancellation.h"
#include "calls.h"
#include "clients.h"
#include "interpose.h"
#include "next.h"
#include "settings.h"
#include "snipass/handoff/kernel_tls.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

enum {
    max_clients = 1 << 16,
    max_paths = 15,
    no_path = max_paths,
    path_mask = 0x0f,
    has_ended = 0x80, /* shutdown() has said so */
};

static _Atomic uint64_t cookies[max_clients]; /* 0: no client whose last close() it could be */
static _Atomic unsigned char notes[max_clients];
static _Atomic int clients_end; /* no number from here on was ever remembered */

/* --- where a farewell goes to: one path for each snipass-tls --- */

enum path_state {
    path_free,
    path_being_written,
    path_ready,
};
static struct {
    _Atomic int state;
    char text[sizeof((struct sockaddr_un*)0)->sun_path];
} paths[max_paths];

static unsigned char path_of(const char* text) {
    for (unsigned char i = 0; i < max_paths && text[0] != '\0'; ++i) {
        int state = path_free;
        if (atomic_compare_exchange_strong(&paths[i].state, &state, path_being_written)) {
            strncpy(paths[i].text, text, sizeof paths[i].text - 1);
            paths[i].state = path_ready;
            return i;
        }
        if (state == path_ready && strcmp(paths[i].text, text) == 0)
            return i;
    }
    return no_path;
}

/* text_of: of a client that this process has not taken itself, the first one must do. */
static const char* text_of(unsigned char path) {
    return path < max_paths && paths[path].state == path_ready ? paths[path].text : NULL;
}

/* --- */

/* is_remembered: the very socket, not another one that has its number. */
static bool is_remembered(int fd) {
    return fd >= 0 && fd < clients_end && cookies[fd] != 0 && cookies[fd] == clients_cookie(fd);
}

void tls_clients_remember(int client, const char* farewell) {
    if (client >= max_clients)
        return;
    notes[client] = path_of(farewell);
    cookies[client] = clients_cookie(client);
    int end = clients_end;
    while (end <= client && !atomic_compare_exchange_weak(&clients_end, &end, client + 1))
        continue;
}

void tls_clients_share(int fd) {
    if (fd >= 0 && fd < clients_end)
        cookies[fd] = 0;
}

void tls_clients_share_all(void) {
    for (int i = 0; i < clients_end; ++i)
        cookies[i] = 0;
}

void tls_clients_before_close(int fd) {
    if (!is_remembered(fd))
        return;
    const unsigned char note = notes[fd];
    cookies[fd] = 0;
    kernel_tls_before_close(&next_calls, fd, text_of(note & path_mask), (note & has_ended) != 0);
}

int our_shutdown(int fd, int how) {
    if (how == SHUT_RD || settings_empty() || kernel_tls_version(&next_calls, fd) == 0)
        return next_shutdown(fd, how);
    const bool is_ours = is_remembered(fd);
    const int cancel_state = cancellation_off();
    const int result =
        kernel_tls_shutdown(&next_calls, fd, how, text_of(is_ours ? notes[fd] & path_mask : 0));
    cancellation_restore(cancel_state);
    if (is_ours)
        notes[fd] |= has_ended;
    return result;
}

/* --- what makes a copy of a descriptor --- */

/* copied: a number that a copy has taken is another socket's now. */
static int copied(int from, int to) {
    if (to >= 0 && to != from) {
        tls_clients_share(from);
        tls_clients_share(to);
    }
    return to;
}

int our_dup(int fd) {
    return copied(fd, next_dup(fd));
}

int our_dup2(int from, int to) {
    return copied(from, next_dup2(from, to));
}

int our_dup3(int from, int to, int flags) {
    return copied(from, next_dup3(from, to, flags));
}

int our_fcntl(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void* const argument = va_arg(rest, void*); /* or a number, or nothing, as the command is */
    va_end(rest);
    const int result = next_fcntl(fd, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, result) : result;
}

int our_fcntl64(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void* const argument = va_arg(rest, void*);
    va_end(rest);
    return our_fcntl(fd, command, argument);
}

static void share_sent(const struct msghdr* message) {
    struct msghdr* const header = (struct msghdr*)(uintptr_t)message; /* CMSG_NXTHDR(3) only reads */
    for (struct cmsghdr* c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
            tls_clients_share(fd);
        }
    }
}

ssize_t our_sendmsg(int fd, const struct msghdr* message, int flags) {
    const ssize_t n = next_sendmsg(fd, message, flags);
    if (n >= 0 && clients_end != 0 && message->msg_controllen != 0)
        share_sent(message);
    return n;
}
