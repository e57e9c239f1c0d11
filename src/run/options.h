// SPDX-License-Identifier: BSL-1.0
/* The command line of snipass-run. */
#pragma once

#include "confine.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    max_entry = 256, /* ADDRESS:PORT=SOCKET */
    max_users = 16,
};

struct options {
    const char* socket;     /* NULL: the command takes its clients itself, and is only confined */
    char listen[max_entry]; /* ADDRESS:PORT; "": the server binds SOCKET itself */
    uid_t users[max_users];
    size_t user_count;
    bool names_users; /* --from was given */
    bool checks;      /* --check */
    struct confine confine;
    char** command; /* ends with NULL */
};

/* options_read ends the process where something is wrong, and for --help. */
void options_read(char** arguments, struct options* options);

/* options_check_address is --listen's value as the library reads it: ADDRESS:PORT, with * for any address.
 * NULL, or what is wrong with it, for the rest of a sentence. */
const char* options_check_address(const char* text, char* address, size_t size);
