// SPDX-License-Identifier: BSL-1.0
/* The floor of the relay: two sockets, two pipes of 1 MiB, splice until there is no more. No parsing, no
 * deadlines, no counting; the bytes never come to user space.
 *
 *     splice_relay PORT BACKEND_PORT */
#include "floor.h"

#include <fcntl.h>

enum {
    batch = 64,
    pipe_size = 1 << 20,
    most_in_pipe = 4 * pipe_size,
    flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK
};

struct direction {
    int from;
    int to;
    int pipe[2];
    size_t in_pipe;
    int done;
};

struct pair {
    struct direction up;
    struct direction down;
    struct side {
        struct pair* of;
        struct direction* in;
        struct direction* out;
    } client, backend;
};

static struct direction make_direction(int from, int to) {
    struct direction one = {.from = from, .to = to};
    check(pipe2(one.pipe, O_NONBLOCK | O_CLOEXEC), "pipe2");
    check(fcntl(one.pipe[0], F_SETPIPE_SZ, pipe_size), "F_SETPIPE_SZ");
    return one;
}

/* Fills the pipe with what is there: a pipe of 1 MiB has room for more, in the pages of a socket. */
static ssize_t fill(struct direction* one) {
    ssize_t n = 0;
    do {
        n = splice(one->from, NULL, one->pipe[1], NULL, most_in_pipe - one->in_pipe, flags);
        if (n > 0)
            one->in_pipe += (size_t)n;
    } while (n > 0 && one->in_pipe < most_in_pipe);
    return n;
}

/* Passes on what is there. The end of the bytes is passed on too. */
static void pump(struct direction* one) {
    while (!one->done) {
        if (one->in_pipe == 0) {
            const ssize_t n = fill(one);
            if (one->in_pipe == 0 && n < 0 && errno == EAGAIN)
                return;
            if (one->in_pipe == 0) {
                shutdown(one->to, SHUT_WR);
                one->done = 1;
                return;
            }
        }
        const ssize_t n = splice(one->pipe[0], NULL, one->to, NULL, one->in_pipe, flags);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            one->done = 1; /* the other side is gone */
        else
            one->in_pipe -= (size_t)n;
    }
}

/* Closes the pair, once; its memory has to stay until the events at hand are through. */
static int has_ended(struct pair* both) {
    if (!both->up.done || !both->down.done || both->up.from < 0)
        return 0;
    const int fds[] = {both->up.from,    both->up.to,        both->up.pipe[0],
                       both->up.pipe[1], both->down.pipe[0], both->down.pipe[1]};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; ++i)
        close(fds[i]);
    both->up.from = -1;
    return 1;
}

static void begin(int epoll, int client, const struct sockaddr_in* to) {
    const int backend = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    set_option(backend, IPPROTO_TCP, TCP_NODELAY, 1);
    if (connect(backend, (const struct sockaddr*)to, sizeof *to) < 0 && errno != EINPROGRESS)
        die("connect");
    struct pair* both = malloc(sizeof *both);
    if (both == NULL)
        die("malloc");
    both->up = make_direction(client, backend);
    both->down = make_direction(backend, client);
    both->client = (struct side){both, &both->up, &both->down};
    both->backend = (struct side){both, &both->down, &both->up};
    const uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    watch(epoll, client, events, (uint64_t)(size_t)&both->client);
    watch(epoll, backend, events, (uint64_t)(size_t)&both->backend);
}

static void accept_some(int epoll, int listener, const struct sockaddr_in* to) {
    for (int i = 0; i < batch; ++i) {
        const int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0)
            break;
        begin(epoll, client, to);
    }
}

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    const struct sockaddr_in to = loopback(argv[2]);
    const int listener = listen_for_clients(argv[1], SOCK_NONBLOCK);
    const int epoll = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    watch(epoll, listener, EPOLLIN, 0);
    for (;;) {
        struct epoll_event events[batch];
        struct pair* ended[batch];
        int ended_count = 0;
        const int n = wait_for_events(epoll, events, batch);
        for (int i = 0; i < n; ++i) {
            const struct side* one = (const struct side*)(size_t)events[i].data.u64;
            if (one == NULL) {
                accept_some(epoll, listener, &to);
                continue;
            }
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                pump(one->in);
            if (events[i].events & EPOLLOUT)
                pump(one->out);
            if (has_ended(one->of))
                ended[ended_count++] = one->of;
        }
        while (ended_count > 0)
            free(ended[--ended_count]);
    }
}
