// SPDX-License-Identifier: BSL-1.0
/* See lineage.h. Not by kill(2): in a new pid namespace that knows no parent, and numbers are given again. A
 * child whose parent ends has another one. */
#include "lineage.h"

#include <unistd.h>

static const pid_t nobody = -1;
static pid_t parent, seen;

void lineage_after_fork(pid_t of) {
    const pid_t now = getppid();
    parent = of;
    seen = now == of || now == 0 ? now : nobody; /* it may have ended already, as a daemon's does */
}

bool lineage_is_child(void) {
    return parent != 0 && getppid() == seen;
}

pid_t lineage_parent(void) {
    return parent;
}
