// SPDX-License-Identifier: BSL-1.0
/* What a server has set on its TCP listener. On TCP a client inherits it; the listener is a unix socket, so
 * it is kept here, for each entry and family, and given to clients. Kept over fork(), and not over exec(). */
#pragma once

#include "settings.h"

/* options_collect reads what differs from the default on `fd`, which is TCP still; the listener is new. */
void options_collect(int fd, const struct entry* entry, sa_family_t family);

/* options_set and options_get answer as a TCP socket would, setsockopt(2) and getsockopt(2). */
int options_set(const struct entry* entry, sa_family_t family, int level, int option, const void* value,
                socklen_t size);
int options_get(const struct entry* entry, sa_family_t family, int level, int option, void* value,
                socklen_t* size);

/* options_give sets on `client` what it would have inherited. What the process may not set (any more) is left
 * out. */
void options_give(const struct entry* entry, sa_family_t family, int client);

/* options_wait sets how long accept() waits, on a listener that is to take the place of `tcp`. */
void options_wait(int tcp, int listener);
