// SPDX-License-Identifier: BSL-1.0
/* The table by which the receiver's steps call libc: the functions behind ours (next.h). A file of its own,
 * so that a linker can lead it elsewhere (tests/preload/seen_close.c). */
#include "calls.h"

#include "next.h"

const struct handoff_calls next_calls = {
    .bind = next_bind,
    .close = next_close,
    .connect = next_connect,
    .getpeername = next_getpeername,
    .getsockname = next_getsockname,
    .getsockopt = next_getsockopt,
    .recvmsg = next_recvmsg,
    .sendmsg = next_sendmsg,
    .setsockopt = next_setsockopt,
    .shutdown = next_shutdown,
};
