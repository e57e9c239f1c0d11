// SPDX-License-Identifier: BSL-1.0
/* Takes clients by the `stream` handoff: header and descriptor, ACK, end of file, answer, close. It waits for
 * the end of file, as the protocol asks, and therefore serves many at once. With `hold` it keeps the clients
 * it was given.
 *
 *     stream_receiver PATH [hold] */
#include "../floor/floor.h"

#include <fcntl.h>

enum {
    batch = 64,
    no_client = -1
};

/* The event's data: the connection, and the client once it has come. */
static uint64_t tag(int connection, int client) {
    return (uint64_t)(uint32_t)connection << 32 | (uint32_t)client;
}

static void accept_some(int epoll, int listener) {
    for (int i = 0; i < batch; ++i) {
        const int connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (connection < 0)
            break;
        watch(epoll, connection, EPOLLIN, tag(connection, no_client));
    }
}

static void take(int epoll, int connection) {
    char header[4096]; /* or a message of `scgi` */
    const int client = recv_with_fd(connection, header, sizeof header, 0);
    if (client < 0) {
        close(connection); /* looked whether we are there, or gave up */
        return;
    }
    if (send(connection, "\x06", 1, MSG_NOSIGNAL) != 1) {
        close(client); /* taken back */
        close(connection);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag(connection, client)};
    check(epoll_ctl(epoll, EPOLL_CTL_MOD, connection, &event), "epoll_ctl");
}

static void serve(int connection, int client, int hold) {
    close(connection);
    (void)!recv(client, NULL, 1 << 16,
                MSG_TRUNC | MSG_DONTWAIT); /* closed with the hello unread, it would be reset */
    answer(client);
    if (!hold)
        close(client);
}

int main(int argc, char** argv) {
    if (argc < 2)
        return 2;
    const int hold = argc > 2 && strcmp(argv[2], "hold") == 0;
    const int listener = bind_unix(argv[1], SOCK_STREAM | SOCK_NONBLOCK);
    check(listen(listener, 65535), "listen");
    const int epoll = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    watch(epoll, listener, EPOLLIN, tag(0, no_client));
    for (;;) {
        struct epoll_event events[batch];
        const int n = wait_for_events(epoll, events, batch);
        for (int i = 0; i < n; ++i) {
            const int connection = (int)(events[i].data.u64 >> 32);
            const int client = (int)(uint32_t)events[i].data.u64;
            if (connection == 0)
                accept_some(epoll, listener);
            else if (client == no_client)
                take(epoll, connection);
            else
                serve(connection, client, hold);
        }
    }
}
