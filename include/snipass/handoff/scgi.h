// SPDX-License-Identifier: BSL-1.0
/* The receiving end of `scgi` (docs/handoff.md), as receiving.h has it for `stream`: the message is a
 * netstring of names and values, with the client's descriptor on its first byte. */
#pragma once

#include "snipass/handoff/receiving.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    handoff_scgi_max = 1024 * 1024, /* of names and values; the router's have 130 KiB at most */
};

/* The message of one handoff on its way in. Its descriptor is the handoff's. */
struct handoff_scgi {
    char* text;  /* NULL: its length is not known yet */
    size_t room; /* of the whole netstring */
    size_t at;   /* where names and values begin */
    size_t size; /* of all of them, each with a NUL behind it */
};

void handoff_scgi_init(struct handoff_scgi* message);
void handoff_scgi_free(struct handoff_scgi* message);

/* handoff_read_scgi reads what is there. Complete: the message is, its descriptor is a client's as it says,
 * and the metadata have what it has of them. Anything else but wants_more has dropped the handoff. */
enum handoff_progress handoff_read_scgi(const struct handoff_calls* calls, struct handoff* handoff,
                                        struct handoff_scgi* message, struct handoff_metadata* metadata,
                                        int connection);

/* handoff_scgi_next is the name behind `name`, or the first one for NULL. NULL: there is none. Its value
 * follows behind its NUL. Of a complete message only. */
const char* handoff_scgi_next(const struct handoff_scgi* message, const char* name);
const char* handoff_scgi_value(const char* name);

/* handoff_scgi_find is the value of the first variable of that name; NULL: there is none. */
const char* handoff_scgi_find(const struct handoff_scgi* message, const char* name);

#ifdef __cplusplus
}
#endif
