// SPDX-License-Identifier: BSL-1.0
/* A line on the server's stderr, which is a guest's to write to, and not to wait for. */
#pragma once

#include <stdbool.h>

/* report_start remembers what stderr is. */
void report_start(void);

/* report writes "snipass preload: ", the text and a line's end, or nothing. errno stays. */
void report(const char* format, ...) __attribute__((format(printf, 1, 2)));
