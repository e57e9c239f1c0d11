// SPDX-License-Identifier: BSL-1.0
/* Whether the loader would take a preloaded library into a program, and why not: LD_PRELOAD is left out in
 * silence. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum linkage {
    linkage_unknown, /* it may not be read, or is nothing that we know: it may try */
    linkage_good,    /* of this libc */
    linkage_static,
    linkage_foreign, /* of another libc, or for another processor */
    linkage_go,
    linkage_setuid,
    linkage_setgid,
    linkage_capabilities,
};

/* linkage_of judges what execve(2) would run for `path`; of a script that is its interpreter. The file that
 * is run is in `file`, which has room for `size` bytes. It allocates nothing: a vforked child calls it. */
enum linkage linkage_of(const char* path, char* file, size_t size);

/* linkage_find looks for a command as execvp(3) does. False: there is none. */
bool linkage_find(const char* command, char* path, size_t size);

/* linkage_refuses: the loader would leave the library out. */
bool linkage_refuses(enum linkage linkage);

/* linkage_explain ends a sentence that begins with the program's name. */
const char* linkage_explain(enum linkage linkage);
