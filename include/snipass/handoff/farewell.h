// SPDX-License-Identifier: BSL-1.0
/* The end of a client's connection, left to snipass-tls (docs/handoff.md, "Farewell"): it waits for room to
 * say close_notify, which a server's close() must not, and no thread of ours may in a server's process. */
#pragma once

#include "snipass/handoff/calls.h"
#include "snipass/handoff/foreign.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    handoff_farewell_version = 1,
};

/* handoff_farewell gives a copy of the client to whoever listens at `path`. False: nobody takes it. errno
 * stays.
 */
bool handoff_farewell(const struct handoff_calls* calls, const char* path, int client);

/* What came: a client of whom the kernel has the keys, or what is none, for the caller to close (foreign.h:
 * anybody may have sent it). */
struct handoff_farewell_taken {
    int client; /* -1: none */
    size_t foreign_count;
    int foreign[handoff_descriptors_max];
};

/* handoff_take_farewell is the other end. Does not wait. */
void handoff_take_farewell(const struct handoff_calls* calls, int connection,
                           struct handoff_farewell_taken* taken);

#ifdef __cplusplus
}
#endif
