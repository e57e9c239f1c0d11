// SPDX-License-Identifier: BSL-1.0
/* The hello behind a HelloRetryRequest, once it is whole (RFC 9849, section 7.1.1). Whoever opens one frees
 * it, also after a failure. */
#pragma once

#include "snipass/handoff/ech_filter.h"

struct ech_second {
    unsigned char* room;
    size_t room_size;
    unsigned char* inner; /* in the room: a handshake message */
    size_t inner_size;
};

/* ech_second_is_asked_for: whether the server's answer has this byte at this place if it is a
 * HelloRetryRequest, as far as tells one (RFC 8446, section 4.1.3): in one record, since no extension makes
 * records shorter than 64 bytes. */
bool ech_second_is_asked_for(size_t at, unsigned char byte);

/* ech_second_begin: the header of filter->message is there. It makes room for the rest. */
enum ech_filter_status ech_second_begin(struct ech_filter* filter);

/* ech_second_open opens filter->message with the filter's key. */
enum ech_filter_status ech_second_open(struct ech_filter* filter, struct ech_second* second);
void ech_second_free(struct ech_second* second); /* wipes it */
