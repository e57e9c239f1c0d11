// SPDX-License-Identifier: BSL-1.0
/* Listening on a unix socket where a dead process may have left its file. */
#pragma once

#include "snipass/handoff/calls.h"

#ifdef __cplusplus
extern "C" {
#endif

/* unix_listen binds `fd` to `path` and, unless it is a datagram socket, listens. A file that nobody is behind
 * is replaced, as TCP forgets a dead listener; a live one is EADDRINUSE, also one that is just being made the
 * same way. The file has exactly `mode`. 0, or -1 and errno, and no file that was not there before. */
int unix_listen(const struct handoff_calls* calls, int fd, const char* path, unsigned mode, int backlog);

/* unix_set_mode is chmod(2) of a socket's file: a link, or what is no socket, that somebody has put in its
 * place is left alone (ELOOP). Without /proc, whoever may write to the folder could still do that between two
 * calls. 0, or -1 and errno. */
int unix_set_mode(const struct handoff_calls* calls, const char* path, unsigned mode);

#ifdef __cplusplus
}
#endif
