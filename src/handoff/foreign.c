// SPDX-License-Identifier: BSL-1.0
/* See foreign.h. */
#include "snipass/handoff/foreign.h"

#include "message.h"

#include <errno.h>

enum {
    piece = 4096,
};

void handoff_close_foreign(const struct handoff_calls* calls, int fd) {
    const struct linger off = {0};
    (void)calls->setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off); /* not of a file */
    calls->close(fd);
}

/* seal: nothing can be sent any more, and what was sent can be read, urgent bytes too: otherwise the kernel
 * would step over those, and throw away what came with them. */
static void seal(const struct handoff_calls* calls, int connection) {
    const int on = 1;
    (void)calls->setsockopt(connection, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on); /* Linux before 5.15 */
    (void)shutdown(connection, SHUT_RD);
}

void handoff_turn_away(const struct handoff_calls* calls, int connection) {
    unsigned char bytes[piece];
    struct message message;
    seal(calls, connection);
    /* How much a connection holds is bounded by the kernel. */
    for (;;) {
        message_receive(calls, connection, bytes, sizeof bytes, 0, &message);
        if (message.size <= 0)
            break;
        for (int fd; (fd = message_take_one(&message)) >= 0;)
            handoff_close_foreign(calls, fd);
    }
    calls->close(connection);
}

bool handoff_holds_descriptors(const struct handoff_calls* calls, int connection) {
    unsigned char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1}; /* no room for them, so the kernel says so */
    seal(calls, connection);
    ssize_t n;
    do
        n = recvmsg(connection, &header, MSG_PEEK | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n > 0 && (header.msg_flags & MSG_CTRUNC) != 0;
}
