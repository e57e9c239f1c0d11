/* What becomes of a server's bind(). */
#pragma once

#include "settings.h"

/* binding_tcp makes of a TCP socket a unix one, bound to the entry's path. As bind(2).
 *
 * Several sockets may lead to one path, and then they are the same listener: one for each worker
 * (SO_REUSEPORT), or one for each family of an entry with *. A second address of one family is EADDRINUSE,
 * and stderr says what to do. Of IPv4 and IPv6 listeners beside each other the IPv6 ones take all clients and
 * the others stay idle: a server may have no room for an IPv6 client on an IPv4 listener (nginx). */
int binding_tcp(int fd, const struct sockaddr* address, socklen_t size, const struct entry* entry);

/* binding_unix is bind(2) to a path of ours: a file that a dead server left behind does not matter. */
int binding_unix(int fd, const struct sockaddr* address, socklen_t size, const struct entry* entry);

/* binding_before_close: the server is about to close `fd`. If that is the last listener that was not idle,
 * one that was takes its place. */
void binding_before_close(int fd);
