// SPDX-License-Identifier: BSL-1.0
/* A thread that is cancelled (pthread_cancel(3)) in close(2) or the like would take with it what it holds: a
 * lock, a descriptor. So whoever holds one, and calls what may be a cancellation point, switches that off. */
#pragma once

#include <pthread.h>
#include <stddef.h>

/* cancellation_off returns what cancellation_restore wants. */
static inline int cancellation_off(void) {
    int before = 0;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void cancellation_restore(int before) {
    (void)pthread_setcancelstate(before, NULL);
}
