// SPDX-License-Identifier: BSL-1.0
/* Clients whose TLS the kernel speaks (snipass/handoff/kernel_tls.h): what is said before the last close().
 *
 * A close() may not be the last: a fork, a dup, a worker that got the socket may go on with the client, to
 * whom nothing must be said then. So a client is remembered from accept() on for as long as nobody else can
 * have it; after that only shutdown() ends it, which means the connection whoever has it. Without a lock:
 * close() is called in signal handlers. */
#pragma once

void tls_clients_remember(int client, const char* farewell);

/* tls_clients_share: somebody else may have it from now on. errno stays. */
void tls_clients_share(int fd);
void tls_clients_share_all(void);

/* tls_clients_before_close: errno stays. */
void tls_clients_before_close(int fd);
