// SPDX-License-Identifier: BSL-1.0
/* The floor of an acknowledged handoff: accept4, peek, socket, connect, sendmsg with the descriptor, epoll,
 * recv of the acknowledgement, close, close. It keeps nothing but the two descriptors, in the event's own
 * data.
 *
 *     stream_floor PORT RECEIVER_PATH */
#include "floor.h"

enum {
    batch = 64
};

static const char header[52] = "as long as a PROXY protocol v2 header with one name";

static void hand_off(int epoll, int client, const struct sockaddr_un* to) {
    char hello[4096];
    if (recv(client, hello, sizeof hello, MSG_PEEK) <= 0) {
        close(client);
        return;
    }
    const int connection = check(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    check(connect(connection, (const struct sockaddr*)to, sizeof *to), to->sun_path);
    send_with_fd(connection, header, sizeof header, client);
    watch(epoll, connection, EPOLLIN, (uint64_t)(uint32_t)connection << 32 | (uint32_t)client);
}

/* One client a turn: an accept4 that finds nobody costs more than the epoll_wait which tells of the next. */
static void accept_one(int epoll, int listener, const struct sockaddr_un* to) {
    const int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0)
        hand_off(epoll, client, to);
}

static void finish(uint64_t both) {
    char ack = 0;
    const int connection = (int)(both >> 32);
    check((int)recv(connection, &ack, 1, 0), "acknowledgement");
    close((int)(uint32_t)both); /* first, so that the connection's end says that the client has one owner */
    close(connection);          /* takes it out of the epoll set as well */
}

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    const struct sockaddr_un to = unix_address(argv[2]);
    const int listener = listen_for_clients(argv[1], SOCK_NONBLOCK);
    const int epoll = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    watch(epoll, listener, EPOLLIN, 0);
    for (;;) {
        struct epoll_event events[batch];
        const int n = wait_for_events(epoll, events, batch);
        for (int i = 0; i < n; ++i) {
            if (events[i].data.u64 == 0)
                accept_one(epoll, listener, &to);
            else
                finish(events[i].data.u64);
        }
    }
}
