// SPDX-License-Identifier: BSL-1.0
/* A server with many threads, for libsnipass_preload.so under the sanitizers: some wait in accept() on one
 * listener, some have an event loop on another, and all the time others open and close what is none of its
 * business.
 *
 *     crowd CLIENTS     ends when it has served so many
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    threads_of_a_kind = 4
};

static int blocking, polled;
static atomic_int left;
static atomic_bool done;

static int listener(uint16_t port, int flags) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr*)&address, sizeof address) != 0 || listen(fd, 64) != 0) {
        perror("listener");
        exit(1);
    }
    return fd;
}

/* served: what the client has said is all there; it hears one byte and the end. */
static void served(int client, const struct sockaddr_in* peer) {
    struct sockaddr_in again;
    socklen_t size = sizeof again;
    char said[16];
    const bool good = peer->sin_family == AF_INET &&
                      getpeername(client, (struct sockaddr*)&again, &size) == 0 &&
                      again.sin_port == peer->sin_port && recv(client, said, sizeof said, 0) == 10 &&
                      send(client, "!", 1, MSG_NOSIGNAL) == 1;
    if (!good) {
        fprintf(stderr, "not the client that accept() told of\n");
        abort();
    }
    close(client);
    if (atomic_fetch_sub(&left, 1) == 1)
        atomic_store(&done, true);
}

static void* accept_blocking(void* nothing) {
    while (!atomic_load(&done)) {
        struct sockaddr_in peer = {0};
        socklen_t size = sizeof peer;
        const int client = accept(blocking, (struct sockaddr*)&peer, &size);
        if (client >= 0)
            served(client, &peer);
    }
    return nothing;
}

static void* accept_polled(void* nothing) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, polled, &event);
    while (!atomic_load(&done)) {
        struct sockaddr_in peer = {0};
        socklen_t size = sizeof peer;
        int client = -1;
        if (epoll_wait(epoll, &event, 1, 50) == 1)
            client = accept4(polled, (struct sockaddr*)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0)
            served(client, &peer);
    }
    close(epoll);
    return nothing;
}

static void* mind_its_own_business(void* nothing) {
    while (!atomic_load(&done)) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
            const int copy = dup(ends[0]);
            shutdown(copy, SHUT_RDWR);
            close(copy);
            close(ends[0]);
            close(ends[1]);
        }
        usleep(100);
    }
    return nothing;
}

int main(int argc, char** argv) {
    atomic_store(&left, argc > 1 ? atoi(argv[1]) : 1);
    blocking = listener(443, 0);
    polled = listener(444, SOCK_NONBLOCK);
    puts("listening");
    fflush(stdout);
    pthread_t threads[3][threads_of_a_kind];
    void* (*const kinds[3])(void*) = {accept_blocking, accept_polled, mind_its_own_business};
    for (int kind = 0; kind < 3; ++kind)
        for (int i = 0; i < threads_of_a_kind; ++i)
            pthread_create(&threads[kind][i], NULL, kinds[kind], NULL);
    for (int kind = 1; kind < 3; ++kind)
        for (int i = 0; i < threads_of_a_kind; ++i)
            pthread_join(threads[kind][i], NULL);
    shutdown(blocking, SHUT_RDWR); /* wakes those who wait in accept() */
    for (int i = 0; i < threads_of_a_kind; ++i)
        pthread_join(threads[0][i], NULL);
    close(blocking);
    close(polled);
    return 0;
}
