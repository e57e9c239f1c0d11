// SPDX-License-Identifier: BSL-1.0
/* See foreign.h. */
#include "snipass/handoff/foreign.h"

#include "message.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

enum {
    piece = 4096,
};

void handoff_close_foreign(const struct handoff_calls* calls, int fd) {
    const struct linger off = {0};
    (void)calls->setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off); /* not of a file */
    calls->close(fd);
}

void handoff_turn_away(const struct handoff_calls* calls, int connection) {
    unsigned char bytes[piece];
    struct message message;
    const int on = 1;
    /* An urgent byte may carry descriptors, too, and the kernel would step over it, and throw them away. */
    (void)calls->setsockopt(connection, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on); /* not before Linux 5.15 */
    (void)shutdown(connection, SHUT_RD);                                           /* nothing more comes */
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

bool handoff_may_hold_descriptors(int connection) {
    unsigned char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1}; /* no room for them, so the kernel says so */
    int waiting = 0;
    (void)shutdown(connection, SHUT_RD); /* nothing more comes */
    if (ioctl(connection, SIOCINQ, &waiting) != 0 || waiting == 0)
        return false;
    if (waiting > 1)
        return true; /* behind the first byte there may be an urgent one, to which no look leads */
    ssize_t n;
    do
        n = recvmsg(connection, &header, MSG_PEEK | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n != 1 || (header.msg_flags & MSG_CTRUNC) != 0;
}
