// SPDX-License-Identifier: BSL-1.0
/* The environment of a program that is to have the library, whatever a wrapper has made of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    environment_preload, /* the place of LD_PRELOAD */
    environment_variables = 3,
};

/* What this process was started with. */
struct environment {
    const char* library;                    /* its path; NULL: unknown */
    char* variables[environment_variables]; /* NAME=VALUE; NULL: none */
};

/* environment_keep reads it. Servers clear theirs (nginx), or write over it (process titles), so it is
 * copied.
 */
void environment_keep(struct environment* kept);

/* environment_room is how many places the next program's has at most, and *bytes how many its LD_PRELOAD. */
size_t environment_room(const struct environment* kept, char* const given[], size_t* bytes);

/* environment_restore fills `result`: what is given, and what of ours is not in it. The library comes first
 * in LD_PRELOAD, in front of somebody else's. It allocates nothing: a vforked child calls it. */
void environment_restore(const struct environment* kept, char* const given[], char** result, char* preload,
                         size_t bytes);
