// SPDX-License-Identifier: BSL-1.0
/* What the next program gets: the library goes on with the server that snipass-run has started.
 *
 * A wrapper in between (mptcpize, an entry point with an allocator of its own, `env -i`) may write over
 * LD_PRELOAD, or clear the environment. The server would then open its TCP port itself, past the router, in
 * silence. So each program on the way to the listener gets our variables back, in front of what the wrapper
 * wrote; and where the loader would take no library, a line on stderr says so. From the first listener on,
 * what the server runs gets the environment that it was given, but for a program that inherits a listener. */
#pragma once

/* exec_start keeps what the environment has. */
void exec_start(void);

/* exec_has_served: the listener is there. Forks know it, too. */
void exec_has_served(void);
