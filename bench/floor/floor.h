// SPDX-License-Identifier: BSL-1.0
/* What the floors and the receivers of the benchmark share: sockets, and the passing of one descriptor. Any
 * failure ends the program, since a floor that stumbles measures nothing. */
#ifndef SNIPASS_BENCH_FLOOR_H
#define SNIPASS_BENCH_FLOOR_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static inline void die(const char* what) {
    perror(what);
    exit(1);
}

static inline int check(int result, const char* what) {
    if (result < 0)
        die(what);
    return result;
}

static inline void set_option(int fd, int level, int name, int value) {
    check(setsockopt(fd, level, name, &value, sizeof value), "setsockopt");
}

static inline struct sockaddr_in loopback(const char* port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static inline struct sockaddr_un unix_address(const char* path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

/* The listener that a router has: the first bytes are there when accept4 returns, and TCP_NODELAY is
 * inherited. */
static inline int listen_for_clients(const char* port, int type_flags) {
    const struct sockaddr_in address = loopback(port);
    const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type_flags, 0), "socket");
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
    check(bind(fd, (const struct sockaddr*)&address, sizeof address), "bind");
    check(listen(fd, 65535), "listen");
    return fd;
}

static inline int bind_unix(const char* path, int type) {
    const struct sockaddr_un address = unix_address(path);
    const int fd = check(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket");
    unlink(path);
    check(bind(fd, (const struct sockaddr*)&address, sizeof address), path);
    return fd;
}

static inline void send_with_fd(int to, const void* bytes, size_t size, int passed) {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec data = {.iov_base = (void*)(size_t)bytes, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &passed, sizeof passed);
    check((int)sendmsg(to, &message, MSG_NOSIGNAL), "sendmsg");
}

/* Returns the descriptor that came with the message, or -1 with errno. */
static inline int recv_with_fd(int from, void* bytes, size_t size, int flags) {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct iovec data = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(from, &message, MSG_CMSG_CLOEXEC | flags) < 0)
        return -1;
    const struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_type != SCM_RIGHTS) {
        errno = EPROTO;
        return -1;
    }
    int passed = -1;
    memcpy(&passed, CMSG_DATA(header), sizeof passed);
    return passed;
}

static inline void watch(int epoll, int fd, uint32_t events, uint64_t tag) {
    struct epoll_event event = {.events = events, .data.u64 = tag};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

/* A debugger that attaches interrupts epoll_wait. */
static inline int wait_for_events(int epoll, struct epoll_event* events, int size) {
    const int n = epoll_wait(epoll, events, size, -1);
    return n < 0 && errno == EINTR ? 0 : check(n, "epoll_wait");
}

/* A small answer; that the client gets exactly this is how the load generator knows a connection succeeded.
 */
static inline void answer(int client) {
    static const char text[] = "snipass bench ok";
    (void)!send(client, text, sizeof text - 1,
                MSG_NOSIGNAL | MSG_DONTWAIT); /* a client that left is not counted */
}

#endif
