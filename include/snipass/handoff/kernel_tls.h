// SPDX-License-Identifier: BSL-1.0
/* The end of a connection whose TLS the kernel speaks (ktls: the socket has the keys, what is read and
 * written is clear text).
 *
 * The kernel does the records of data and nothing else. To whoever reads without room for control data, any
 * other record is EIO, again and again, also the client's orderly goodbye (close_notify); close() says none;
 * and of a socket that does not block, whose buffer is full, the end loses the last record that was accepted.
 * So whoever serves such a client asks here after a read that failed, before a shutdown, and before a close.
 * The steps never wait, and errno stays. */
#pragma once

#include "snipass/handoff/calls.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    kernel_tls_1_2 = 0x0303,
    kernel_tls_1_3 = 0x0304,
};

/* kernel_tls_version of a socket with keys both ways; 0: it is none. */
unsigned kernel_tls_version(const struct handoff_calls* calls, int fd);

enum kernel_tls_event {
    kernel_tls_again, /* what was said does not concern the server, or somebody else has taken it: read on */
    kernel_tls_end,   /* close_notify: end of file, and the kernel says so from now on */
    kernel_tls_reset, /* it cannot go on: ECONNRESET, whatever it was */
    kernel_tls_no_part, /* it is no such socket, or no such error */
};

/* kernel_tls_may_explain: an error of a read that a record may be behind. */
bool kernel_tls_may_explain(int error);

/* kernel_tls_after_read looks at what a read has failed with `error` for, and deals with it: what TLS wants
 * answered is answered. */
enum kernel_tls_event kernel_tls_after_read(const struct handoff_calls* calls, int fd, int error);

/* A record, as recvmsg(2) gives it to those who have room for its type. */
struct kernel_tls_record {
    unsigned char type;
    unsigned char start[4]; /* its first bytes */
    size_t size;            /* how many of them there are */
    size_t taken;           /* how many bytes of it were read, and are not in the socket any more */
};

enum {
    kernel_tls_data = 23, /* a record's type */
};

/* kernel_tls_type_of what was read: 0, the kernel says nothing of it. */
unsigned char kernel_tls_type_of(const struct msghdr* message);

/* kernel_tls_after_record: a read with room for control data got a record that is no data. */
enum kernel_tls_event kernel_tls_after_record(const struct handoff_calls* calls, int fd,
                                              const struct kernel_tls_record* record);

/* kernel_tls_say_end says close_notify, and all that was sent is on its way. False: errno says why not
 * (EAGAIN: there is no room for all; say it again then, twice does no harm). */
bool kernel_tls_say_end(const struct handoff_calls* calls, int fd);

/* kernel_tls_shutdown is shutdown(2) with close_notify before it. Where there is no room for that, the socket
 * goes to `farewell` (farewell.h; "" or NULL: nowhere). */
int kernel_tls_shutdown(const struct handoff_calls* calls, int fd, int how, const char* farewell);

/* kernel_tls_before_close does what belongs before close(2): close_notify as above, unless `has_ended`, and
 * no record is left unread that would make of the close a reset. Whoever wants a reset (SO_LINGER of 0) gets
 * it.
 */
void kernel_tls_before_close(const struct handoff_calls* calls, int fd, const char* farewell, bool has_ended);

#ifdef __cplusplus
}
#endif
