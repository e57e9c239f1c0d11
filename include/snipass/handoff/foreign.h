// SPDX-License-Identifier: BSL-1.0
/* Getting rid of what a stranger sent. The kernel ends an open file in the thread that gives up its last
 * copy, be it by a close() or by throwing away a message in which it came. With SO_LINGER set, and bytes that
 * its peer does not read, the end of a TCP socket takes as long as the stranger liked, O_NONBLOCK or not. So
 * nothing of a stranger's is thrown away unseen: each descriptor is received, and stripped of that option.
 *
 * What cannot be helped where there is no thread for it: the end of a large memory file takes its time, and
 * so may that of a file whose server is the stranger (FUSE). */
#pragma once

#include "snipass/handoff/calls.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    handoff_descriptors_max = 253, /* the most that one message may carry (unix(7), SCM_MAX_FD) */
};

/* handoff_close_foreign closes a descriptor that came from a stranger. */
void handoff_close_foreign(const struct handoff_calls* calls, int fd);

/* handoff_turn_away closes a connection from which nothing was received, with all that lies in it. */
void handoff_turn_away(const struct handoff_calls* calls, int connection);

/* handoff_may_hold_descriptors: some lie in the connection, unreceived, or it holds more than one byte, so
 * that they may. From then on nothing can be sent to it. One byte without any can be read afterwards. */
bool handoff_may_hold_descriptors(int connection);

#ifdef __cplusplus
}
#endif
