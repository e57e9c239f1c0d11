// SPDX-License-Identifier: BSL-1.0
/* What a server reads of a client whose TLS the kernel speaks: as from TCP, close_notify is the end, and what
 * cannot go on is a reset. Nothing is asked before a read has failed, so no other descriptor costs anything,
 * and after a fork, a dup, an exec it works all the same. errno stays where it is no failure: servers log it.
 */
#include "../libsnipass/cancellation.h"
#include "calls.h"
#include "interpose.h"
#include "next.h"
#include "report.h"
#include "settings.h"
#include "snipass/handoff/kernel_tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    max_looks = 8, /* at records without data, one behind the other: who sends more wants nothing else */
};

/* One call of the server's. */
struct attempt {
    int fd, error, looks;
};

static struct attempt begin(int fd) {
    return (struct attempt){.fd = fd, .error = errno};
}

/* goes_on: the read is to be tried again; else *result is what it is. */
static bool goes_on(struct attempt* attempt, enum kernel_tls_event event, ssize_t* result) {
    if (event == kernel_tls_no_part)
        return false;
    const bool is_end = event == kernel_tls_end, is_again = event == kernel_tls_again;
    const bool once_more = is_again && ++attempt->looks < max_looks;
    errno = is_end || once_more ? attempt->error : ECONNRESET;
    *result = is_end ? 0 : -1;
    return once_more;
}

/* failed: as goes_on, of a read that failed. */
static bool failed(struct attempt* attempt, ssize_t* result) {
    if (!kernel_tls_may_explain(errno) || settings_empty())
        return false;
    const int cancel_state = cancellation_off();
    const enum kernel_tls_event event = kernel_tls_after_read(&next_calls, attempt->fd, errno);
    cancellation_restore(cancel_state);
    return goes_on(attempt, event, result);
}

ssize_t our_read(int fd, void* bytes, size_t size) {
    struct attempt attempt = begin(fd);
    ssize_t n;
    do
        n = next_read(fd, bytes, size);
    while (n < 0 && failed(&attempt, &n));
    return n;
}

ssize_t our_readv(int fd, const struct iovec* parts, int count) {
    struct attempt attempt = begin(fd);
    ssize_t n;
    do
        n = next_readv(fd, parts, count);
    while (n < 0 && failed(&attempt, &n));
    return n;
}

ssize_t our_recv(int fd, void* bytes, size_t size, int flags) {
    struct attempt attempt = begin(fd);
    ssize_t n;
    do
        n = next_recv(fd, bytes, size, flags);
    while (n < 0 && failed(&attempt, &n));
    return n;
}

ssize_t our_recvfrom(int fd, void* bytes, size_t size, int flags, struct sockaddr* address,
                     socklen_t* address_size) {
    struct attempt attempt = begin(fd);
    ssize_t n;
    do
        n = next_recvfrom(fd, bytes, size, flags, address, address_size);
    while (n < 0 && failed(&attempt, &n));
    return n;
}

/* start_of copies the first bytes of what was read. */
static void start_of(const struct msghdr* message, size_t size, struct kernel_tls_record* record) {
    record->size = 0;
    for (size_t i = 0; i < message->msg_iovlen && record->size < sizeof record->start; ++i) {
        size_t part = message->msg_iov[i].iov_len;
        part = part < size ? part : size;
        const size_t room = sizeof record->start - record->size;
        memcpy(record->start + record->size, message->msg_iov[i].iov_base, part < room ? part : room);
        record->size += part < room ? part : room;
        size -= part;
    }
}

/* got_record: as goes_on, of a server that has room for control data, for whatever reason. It is told the
 * type of each record, asked or not, and a record that is no data looks like data to it. */
static bool got_record(struct attempt* attempt, struct msghdr* message, int flags, ssize_t* result) {
    struct kernel_tls_record record = {.type = kernel_tls_type_of(message)};
    if (record.type == 0)
        return false;
    message->msg_controllen = 0;
    message->msg_flags &= ~(MSG_EOR | MSG_CTRUNC);
    if (record.type == kernel_tls_data)
        return false;
    start_of(message, (size_t)*result, &record);
    record.taken = (flags & MSG_PEEK) != 0 ? 0 : (size_t)*result;
    const int cancel_state = cancellation_off();
    const enum kernel_tls_event event = kernel_tls_after_record(&next_calls, attempt->fd, &record);
    cancellation_restore(cancel_state);
    return goes_on(attempt, event, result);
}

ssize_t our_recvmsg(int fd, struct msghdr* message, int flags) {
    struct attempt attempt = begin(fd);
    const size_t room = message != NULL ? message->msg_controllen : 0;
    ssize_t n;
    bool again;
    do {
        n = next_recvmsg(fd, message, flags);
        again = n < 0                 ? failed(&attempt, &n)
                : room != 0 && n != 0 ? got_record(&attempt, message, flags, &n)
                                      : false;
        if (again)
            message->msg_controllen = room;
    } while (again);
    return n;
}

int our_recvmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags, struct timespec* timeout) {
    struct attempt attempt = begin(fd);
    ssize_t n;
    do
        n = next_recvmmsg(fd, messages, count, flags, timeout);
    while (n < 0 && failed(&attempt, &n));
    if (n != 0 || count == 0)
        return (int)n;
    messages[0].msg_len = 0; /* the end is a message of no bytes */
    messages[0].msg_hdr.msg_flags = 0;
    return 1;
}

/* --- as programs call them that were built with _FORTIFY_SOURCE --- */

static void check(size_t size, size_t room) {
    if (size <= room)
        return;
    report("the server reads more than it has room for");
    abort();
}

ssize_t our_read_chk(int fd, void* bytes, size_t size, size_t room) {
    check(size, room);
    return our_read(fd, bytes, size);
}

ssize_t our_recv_chk(int fd, void* bytes, size_t size, size_t room, int flags) {
    check(size, room);
    return our_recv(fd, bytes, size, flags);
}

ssize_t our_recvfrom_chk(int fd, void* bytes, size_t size, size_t room, int flags, struct sockaddr* address,
                         socklen_t* address_size) {
    check(size, room);
    return our_recvfrom(fd, bytes, size, flags, address, address_size);
}
