// SPDX-License-Identifier: BSL-1.0
/* Where the preload library is. */
#pragma once

#include <stddef.h>

/* preload_find is the library's path: beside snipass-run (in a build folder), or where it is installed. It
 * ends the process where there is none, or one that the loader would not take. */
void preload_find(char* path, size_t size);
