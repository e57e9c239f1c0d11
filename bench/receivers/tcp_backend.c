// SPDX-License-Identifier: BSL-1.0
/* The backend behind the proxies: a TCP server for one of four jobs.
 *
 *     tcp_backend PORT answer     reads the hello, answers, closes
 *     tcp_backend PORT hold       reads the hello, answers, keeps the connection
 *     tcp_backend PORT sink N     reads N bytes, hello included, then answers and closes: for bulk up
 *     tcp_backend PORT source N   reads the hello, then sends N bytes and closes: for bulk down
 *
 * With `copy` behind N what comes is read; otherwise TCP throws it away, which a socket pair cannot. */
#include "../floor/floor.h"

#include <fcntl.h>

enum {
    batch = 64,
    chunk_size = 1 << 18
};

enum job {
    job_answer,
    job_hold,
    job_sink,
    job_source
};

struct connection {
    int fd;
    int greeted;
    long long left; /* to read or to send */
};

static enum job job_of(const char* name) {
    static const char* const names[] = {"answer", "hold", "sink", "source"};
    for (int i = 0; i < 4; ++i)
        if (strcmp(name, names[i]) == 0)
            return (enum job)i;
    fprintf(stderr, "no such job: %s\n", name);
    exit(2);
}

static void end(struct connection* one) {
    close(one->fd);
    free(one);
}

static int copies = 0;

/* Takes what is there. 0: the client has said all. */
static ssize_t discard(int fd) {
    static char room[chunk_size];
    return recv(fd, copies ? room : NULL, chunk_size, (copies ? 0 : MSG_TRUNC) | MSG_DONTWAIT);
}

/* A hello comes whole here: the load sends it in one segment and every router under test passes it on so. */
static void serve_short(struct connection* one, enum job job) {
    const ssize_t n = discard(one->fd);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0 && !one->greeted) {
        one->greeted = 1;
        answer(one->fd);
        if (job == job_hold)
            return;
    }
    end(one);
}

static void serve_sink(struct connection* one) {
    ssize_t n = 0;
    while (one->left > 0 && (n = discard(one->fd)) > 0)
        one->left -= n;
    if (one->left > 0 && n < 0 && errno == EAGAIN)
        return;
    if (one->left == 0)
        answer(one->fd);
    end(one);
}

static void serve_source(struct connection* one) {
    static char chunk[chunk_size];
    if (!one->greeted && discard(one->fd) <= 0)
        return;
    one->greeted = 1;
    while (one->left > 0) {
        const size_t size = one->left < chunk_size ? (size_t)one->left : chunk_size;
        const ssize_t n = send(one->fd, chunk, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break;
        one->left -= n;
    }
    end(one);
}

static void serve(struct connection* one, enum job job) {
    if (job == job_sink)
        serve_sink(one);
    else if (job == job_source)
        serve_source(one);
    else
        serve_short(one, job);
}

static void accept_some(int epoll, int listener, enum job job, long long bytes) {
    const uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET | (job == job_source ? (uint32_t)EPOLLOUT : 0U);
    for (int i = 0; i < batch; ++i) {
        const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            break;
        struct connection* one = calloc(1, sizeof *one);
        if (one == NULL)
            die("calloc");
        one->fd = fd;
        one->left = bytes;
        watch(epoll, fd, events, (uint64_t)(size_t)one);
    }
}

int main(int argc, char** argv) {
    if (argc < 3)
        return 2;
    const enum job job = job_of(argv[2]);
    const long long bytes = argc > 3 ? atoll(argv[3]) : 0;
    copies = argc > 4 && strcmp(argv[4], "copy") == 0;
    const struct sockaddr_in address = loopback(argv[1]);
    const int listener = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(listener, IPPROTO_TCP, TCP_NODELAY, 1);
    check(bind(listener, (const struct sockaddr*)&address, sizeof address), "bind");
    check(listen(listener, 65535), "listen");
    const int epoll = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    watch(epoll, listener, EPOLLIN, 0);
    for (;;) {
        struct epoll_event events[batch];
        const int n = wait_for_events(epoll, events, batch);
        for (int i = 0; i < n; ++i) {
            if (events[i].data.u64 == 0)
                accept_some(epoll, listener, job, bytes);
            else
                serve((struct connection*)(size_t)events[i].data.u64, job);
        }
    }
}
