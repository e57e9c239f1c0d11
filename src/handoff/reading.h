// SPDX-License-Identifier: BSL-1.0
/* Reading a message with whose first byte a descriptor comes: what `stream` and `scgi` have in common. */
#pragma once

#include "snipass/handoff/receiving.h"

/* handoff_read_more reads once, behind what `to` has already. Complete means "go on". */
enum handoff_progress handoff_read_more(const struct handoff_calls* calls, struct handoff* handoff,
                                        int connection, unsigned char* to, size_t room);

/* handoff_refuse drops the client. */
enum handoff_progress handoff_refuse(const struct handoff_calls* calls, struct handoff* handoff,
                                     enum handoff_fault why);
