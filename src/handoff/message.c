// SPDX-License-Identifier: BSL-1.0
/* See message.h. */
#include "message.h"

#include <errno.h>
#include <string.h>

#ifndef SCM_PIDFD /* glibc before 2.39 */
#define SCM_PIDFD 0x04
#endif

static void adopt(const struct handoff_calls* calls, const struct cmsghdr* rights, struct message* message) {
    const unsigned char* data = CMSG_DATA(rights);
    const size_t size = rights->cmsg_len - CMSG_LEN(0);
    for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
        int fd = -1;
        memcpy(&fd, data + at, sizeof fd);
        if (message->count < handoff_descriptors_max)
            message->descriptors[message->count++] = fd;
        else
            calls->close(fd);
    }
}

/* close_added: where SO_PASSPIDFD is set, the kernel adds a descriptor of the sender's process. */
static void close_added(const struct handoff_calls* calls, const struct cmsghdr* added) {
    int fd = -1; /* an error's number, where there was no room for it */
    memcpy(&fd, CMSG_DATA(added), sizeof fd);
    if (fd >= 0)
        calls->close(fd);
}

void message_receive(const struct handoff_calls* calls, int fd, void* bytes, size_t size, int flags,
                     struct message* message) {
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(handoff_descriptors_max * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred)) +
                   CMSG_SPACE(sizeof(int))]; /* SCM_PIDFD */
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    message->count = 0;
    message->sender = (struct ucred){.uid = (uid_t)-1};
    do
        message->size = calls->recvmsg(fd, &header, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (message->size < 0 && errno == EINTR);
    message->flags = header.msg_flags;
    if (message->size < 0)
        return;
    for (struct cmsghdr* c = CMSG_FIRSTHDR(&header); c != NULL; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_RIGHTS)
            adopt(calls, c, message);
        if (c->cmsg_type == SCM_PIDFD)
            close_added(calls, c);
        if (c->cmsg_type == SCM_CREDENTIALS)
            memcpy(&message->sender, CMSG_DATA(c), sizeof message->sender);
    }
}

int message_take_one(struct message* message) {
    return message->count > 0 ? message->descriptors[--message->count] : -1;
}

void message_close(const struct handoff_calls* calls, struct message* message) {
    while (message->count > 0)
        calls->close(message->descriptors[--message->count]);
}

bool message_lost(const struct message* message) {
    return (message->flags & MSG_CTRUNC) != 0 && message->count == 0;
}
