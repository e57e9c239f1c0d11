// SPDX-License-Identifier: BSL-1.0
/* Clients of IPv4 that an IPv6 listener has taken. On TCP their sockets are IPv6, with mapped addresses; the
 * router's may be IPv4. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* clients_cookie: a number that no two sockets share (SO_COOKIE). 0: it is none. errno stays. */
uint64_t clients_cookie(int fd);

void clients_remember_mapped(int client);

/* clients_is_mapped: the very socket that was remembered, not another one with its number. errno stays. */
bool clients_is_mapped(int fd);
