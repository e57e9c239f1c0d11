// SPDX-License-Identifier: BSL-1.0
/* Whether the library would get into what snipass-run is about to start. Where it would not, the server would
 * listen on TCP, and nobody would know why. */
#pragma once

/* command_check ends the process for a command that is not there, and for one that takes no library. */
void command_check(const char* command, const char* socket);
