// SPDX-License-Identifier: BSL-1.0
/* Into the preload library as its own tests have it under ThreadSanitizer, which keeps book of descriptors: it stands in front of the
 * library, so it does not see what the library closes behind it, and takes the next use of the number for a race. So that it
 * sees it, each close goes round by way of the program's, and comes back here. */
#include <stdbool.h>
#include <unistd.h>

int __real_next_close(int fd);
int __wrap_next_close(int fd);

static _Thread_local bool on_its_way_round;

int __wrap_next_close(int fd) {
    if (on_its_way_round)
        return __real_next_close(fd);
    on_its_way_round = true;
    const int result = close(fd);
    on_its_way_round = false;
    return result;
}
