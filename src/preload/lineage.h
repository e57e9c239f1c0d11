// SPDX-License-Identifier: BSL-1.0
/* Which of the processes this is that have the same sockets and event loops. What a forked child has from its
 * parent is the parent's as long as that lives. (Of a server that becomes a daemon, it does not.) */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* lineage_after_fork: in the child, whose parent was `parent`. */
void lineage_after_fork(pid_t parent);

/* lineage_is_child: forked, and not exec()ed since, and the parent lives. */
bool lineage_is_child(void);

pid_t lineage_parent(void); /* 0: none */
