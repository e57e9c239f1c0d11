// SPDX-License-Identifier: BSL-1.0
/* See ech_second.h. */
#include "ech_second.h"

#include <stdlib.h>
#include <string.h>

enum {
    handshake_record = 22,
    client_hello = 1,
    server_hello = 2,
};

bool ech_second_is_asked_for(size_t at, unsigned char byte) {
    static const unsigned char random[32] = {0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C,
                                             0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB,
                                             0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};
    const size_t random_at = ech_filter_answer_size - sizeof random;
    if (at == 0)
        return byte == handshake_record;
    if (at == ech_filter_record_head)
        return byte == server_hello;
    return at < random_at || byte == random[at - random_at];
}

enum ech_filter_status ech_second_begin(struct ech_filter* filter) {
    const unsigned char* const head = filter->message;
    const size_t body = (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (head[0] != client_hello)
        return ech_filter_not_hello;
    if (body == 0 || body > ech_hello_max - ech_hello_header_size)
        return ech_filter_too_large;
    filter->message_whole = ech_hello_header_size + body;
    unsigned char* message = realloc(filter->message, filter->message_whole);
    if (message == NULL)
        return ech_filter_no_memory;
    filter->message = message;
    return ech_filter_fine;
}

static enum ech_filter_status judge(const struct ech_filter* filter, struct ech_hello_outer* outer) {
    switch (ech_hello_find(filter->message, filter->message_size, outer)) {
    case ech_hello_malformed:
        return ech_filter_malformed;
    case ech_hello_none:
        return ech_filter_missing;
    case ech_hello_is_inner:
        return ech_filter_other_config;
    case ech_hello_is_outer:
        break;
    }
    if (outer->config_id != filter->config_id || outer->kdf != filter->kdf || outer->aead != filter->aead)
        return ech_filter_other_config;
    if (outer->enc.size != 0)
        return ech_filter_has_enc;
    return outer->payload.size > ech_state_tag_size ? ech_filter_fine : ech_filter_not_opened;
}

/* rebuild: the room has place for the AAD, what was encrypted, and the inner hello, in this order. */
static enum ech_filter_status rebuild(struct ech_filter* filter, const struct ech_hello_outer* outer,
                                      struct ech_second* second) {
    const size_t aad_size = filter->message_size - ech_hello_header_size;
    const size_t encoded_size = outer->payload.size - ech_state_tag_size;
    unsigned char* const aad = second->room;
    unsigned char* const encoded = aad + aad_size;
    second->inner = encoded + encoded_size;
    unsigned char nonce[ech_state_nonce_size];
    memcpy(nonce, filter->nonce, sizeof nonce);
    nonce[sizeof nonce - 1] ^= 1; /* sequence number 1 (RFC 9180, section 5.2) */
    ech_hello_write_aad(filter->message, filter->message_size, outer, aad);
    if (filter->open(filter->aead, filter->key, nonce, aad, aad_size, filter->message + outer->payload.at,
                     outer->payload.size, encoded) != 1)
        return ech_filter_not_opened;
    filter->why_not_rebuilt = ech_hello_rebuild(filter->message, filter->message_size, encoded, encoded_size,
                                                second->inner, ech_hello_max, &second->inner_size);
    return filter->why_not_rebuilt == ech_hello_rebuilt ? ech_filter_fine : ech_filter_not_rebuilt;
}

enum ech_filter_status ech_second_open(struct ech_filter* filter, struct ech_second* second) {
    struct ech_hello_outer outer;
    *second = (struct ech_second){0};
    const enum ech_filter_status status = judge(filter, &outer);
    if (status != ech_filter_fine)
        return status;
    second->room_size = filter->message_size + outer.payload.size + ech_hello_max;
    second->room = malloc(second->room_size);
    return second->room != NULL ? rebuild(filter, &outer, second) : ech_filter_no_memory;
}

void ech_second_free(struct ech_second* second) {
    if (second->room == NULL)
        return;
    explicit_bzero(second->room, second->room_size);
    free(second->room);
}
