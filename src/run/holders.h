// SPDX-License-Identifier: BSL-1.0
/* Who listens where, from /proc. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    max_inodes = 32,
};

struct inodes {
    unsigned long numbers[max_inodes];
    size_t count;
};

struct holder {
    pid_t pid;
    bool has_library;
    char name[32];
};

/* The listening sockets at a path, and of a TCP port on whatever address, in this network namespace. 0, or
 * the error that keeps them from being looked up. */
int holders_find_unix(const char* path, struct inodes* inodes);
int holders_find_tcp(unsigned port, struct inodes* inodes);

/* holders_first finds a process that has one of the sockets and may be looked at, if there is one. One with
 * the library comes before those without. `path`, of unix sockets: a process to which that is another file
 * than to us (a container's, in our network namespace) has a socket of its own, and is none; NULL: that does
 * not matter. */
bool holders_first(const struct inodes* inodes, const char* path, struct holder* holder);
