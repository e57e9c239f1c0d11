// SPDX-License-Identifier: BSL-1.0
/* Who hands over: what the kernel says of a sender, and whether it may. */
#pragma once

#include "snipass/handoff/calls.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In a list of users: everybody who has no number in this user namespace (user_namespaces(7)). */
static const uid_t handoff_unmapped = (uid_t)-1;

enum handoff_sender {
    handoff_allowed,
    handoff_stranger, /* a user who may not */
    handoff_unknown,  /* of a datagram: the kernel kept no credentials for it */
    handoff_nameless, /* a user without a number in this user namespace: it is shown as 65534 */
};

/* handoff_judge_peer asks of the process that connected `connection`, before anything is received from it:
 * root, this process's effective user and those of `allowed` may hand over. In a user namespace that has
 * numbers for some users only, the kernel says 65534 of all others, so 65534 is nobody there.
 * *user: who it is, for a log. */
enum handoff_sender handoff_judge_peer(const struct handoff_calls* calls, int connection,
                                       const uid_t* allowed, size_t count, uid_t* user);

/* handoff_judge_credentials asks it of a datagram's (SCM_CREDENTIALS). Of one without credentials the kernel
 * says that process 0 of the user 65534 sent it. */
enum handoff_sender handoff_judge_credentials(const struct handoff_calls* calls, struct ucred sender,
                                              const uid_t* allowed, size_t count);

/* handoff_remember_users is for a process that will not be able to read /proc: it asks now, once for all, who
 * has a number in this user namespace. Before there are other threads. */
void handoff_remember_users(const struct handoff_calls* calls);

#ifdef __cplusplus
}
#endif
