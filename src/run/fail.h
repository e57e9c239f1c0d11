// SPDX-License-Identifier: BSL-1.0
/* The end of snipass-run where it cannot start the server. */
#pragma once

/* fail writes a line on stderr and ends with status 2. */
_Noreturn void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

/* say writes a line on stderr. */
void say(const char* format, ...) __attribute__((format(printf, 1, 2)));
