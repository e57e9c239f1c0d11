// SPDX-License-Identifier: BSL-1.0
/* The receiving end of `datagram` (docs/handoff.md): a datagram is looked at before it is taken out of the
 * queue, because its client would be gone with it if there were no descriptor for it. One thread at a time
 * reads such a socket. */
#pragma once

#include "snipass/handoff/foreign.h"
#include "snipass/handoff/receiving.h"
#include "snipass/handoff/sender.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    handoff_datagram_max = 512 * 1024, /* a hello of 64 KiB in records of one byte is 384 KiB */
};

struct handoff_datagram {
    int client;
    size_t size;              /* of the client's bytes */
    enum handoff_fault fault; /* why it was refused */
    enum handoff_sender who;  /* with handoff_bad_sender */
    uid_t user;               /* likewise, for a log */
    size_t foreign_count;     /* descriptors of one that was refused: handoff_discard */
    int foreign[handoff_descriptors_max];
};

/* handoff_look_at_datagram looks at the next one; its bytes go to `bytes`, which has room for
 * handoff_datagram_max.
 *   complete    the client is the caller's, and the datagram is in the queue still: handoff_take_out
 *   refused     it is out of the queue; what came with it is closed by handoff_discard, or by the caller
 *   no_room     it stays in the queue
 *   wants_more  the queue is empty
 *   ended       errno says what is wrong with the socket */
enum handoff_progress handoff_look_at_datagram(const struct handoff_calls* calls, int socket,
                                               unsigned char* bytes, const uid_t* allowed, size_t count,
                                               struct handoff_datagram* datagram);

/* handoff_discard closes what is left of one that was refused. */
void handoff_discard(const struct handoff_calls* calls, struct handoff_datagram* datagram);

/* handoff_take_out takes the datagram that was looked at out of the queue. */
void handoff_take_out(int socket);

#ifdef __cplusplus
}
#endif
