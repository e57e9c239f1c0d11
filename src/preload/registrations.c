// SPDX-License-Identifier: BSL-1.0
/* See registrations.h. */
#include "registrations.h"

#include "lineage.h"
#include "next.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    read_size = 4096,
    path_size = 64,
    max_epolls = 1024, /* event loops come early, and have low numbers */
};

static _Atomic pid_t makers[max_epolls];

void registrations_made(int epoll) {
    if (epoll >= 0 && epoll < max_epolls)
        makers[epoll] = getpid();
}

static bool is_own(int epoll) {
    const pid_t maker = makers[epoll];
    return maker != 0 && (maker == getpid() || (maker == lineage_parent() && !lineage_is_child()));
}

void registrations_before_fork(void) {
    for (int epoll = 0; epoll < max_epolls; ++epoll)
        if (is_own(epoll))
            makers[epoll] = getpid();
}

void registrations_drop(int fd) {
    for (int epoll = 0; epoll < max_epolls; ++epoll)
        if (is_own(epoll))
            (void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); /* of what is no epoll any more it fails */
}

/* is_epoll: the number may be somebody else's by now. */
static bool is_epoll(int number) {
    char path[path_size], target[path_size];
    snprintf(path, sizeof path, "/proc/self/fd/%d", number);
    const ssize_t n = readlink(path, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    return strcmp(target, "anon_inode:[eventpoll]") == 0;
}

/* next_line takes a line out of `text`, of which `*size` bytes are there. What is longer than that is none.
 */
static int next_line(int file, char text[read_size], size_t* size, char line[read_size]) {
    char* end = NULL;
    while ((end = memchr(text, '\n', *size)) == NULL) {
        const ssize_t n = *size < read_size ? read(file, text + *size, read_size - *size) : 0;
        if (n <= 0)
            return 0;
        *size += (size_t)n;
    }
    const size_t length = (size_t)(end - text);
    memcpy(line, text, length);
    line[length] = '\0';
    *size -= length + 1;
    memmove(text, end + 1, *size);
    return 1;
}

/* A line is "tfd: 5 events: 19 data: 5 ...", the first number decimal and the others not. */
static int parse(const char* line, int fd, struct registration* into) {
    int watched = -1;
    return sscanf(line, "tfd: %d events: %" SCNx32 " data: %" SCNx64, &watched, &into->events, &into->data) ==
               3 &&
           watched == fd;
}

static size_t find_in(int number, int fd, struct registration* found, size_t room) {
    char path[path_size], text[read_size], line[read_size];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", number);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 0, count = 0;
    while (file >= 0 && count < room && next_line(file, text, &size, line))
        if (parse(line, fd, &found[count]))
            found[count++].epoll = number;
    if (file >= 0)
        next_close(file);
    return count;
}

static size_t find(int fd, struct registration found[max_registrations]) {
    size_t count = 0;
    for (int number = 0; number < max_epolls; ++number)
        if (is_own(number) && is_epoll(number))
            count += find_in(number, fd, found + count, max_registrations - count);
    return count;
}

size_t registrations_take(int fd, struct registration found[max_registrations]) {
    const size_t count = find(fd, found);
    size_t taken = 0;
    for (size_t i = 0; i < count; ++i) /* another socket's that had this number does not go */
        if (epoll_ctl(found[i].epoll, EPOLL_CTL_DEL, fd, NULL) == 0)
            found[taken++] = found[i];
    return taken;
}

void registrations_give(int fd, const struct registration* found, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        struct epoll_event event = {.events = found[i].events, .data.u64 = found[i].data};
        (void)epoll_ctl(found[i].epoll, EPOLL_CTL_ADD, fd, &event);
    }
}
