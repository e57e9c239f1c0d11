/* Much of what the library calls is a cancellation point (close, recv, poll), and a thread that ended there
 * would take a lock or a descriptor with it. */
#pragma once

#include <pthread.h>

/* cancellation_off returns what to restore. */
static inline int cancellation_off(void) {
    int before = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void cancellation_restore(int before) {
    pthread_setcancelstate(before, NULL);
}
