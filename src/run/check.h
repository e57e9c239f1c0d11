// SPDX-License-Identifier: BSL-1.0
/* snipass-run --check: whether it took hold. */
#pragma once

/* check_listener waits up to ten seconds for somebody who listens at `socket`, and says on stdout or stderr
 * what it found. It waits no longer than the main process of the unit whose ExecStartPost= it is (MAINPID).
 * `listen` is the TCP listener's ADDRESS:PORT, or "". 0: a process with the library takes clients; 1: not; 2:
 * it could not look. */
int check_listener(const char* socket, const char* listen);
