// SPDX-License-Identifier: BSL-1.0
/* See ech_filter.h. Every byte from the client goes through one function for each phase, and each takes no
 * more than is left of what it is in, so it makes no difference how the bytes come. */
#include "snipass/handoff/ech_filter.h"

#include "ech_second.h"

#include <stdlib.h>
#include <string.h>

enum {
    change_cipher_spec = 20,
    alert = 21,
    handshake = 22,
    application_data = 23,
    longest_clear_body = 16384,
    longest_body = 16384 + 256,
};

/* wipe: a plain memset() of what is freed next is left out by compilers. */
static void wipe(void* bytes, size_t size) {
    explicit_bzero(bytes, size);
}

static void forget_key(struct ech_filter* filter) {
    wipe(filter->key, sizeof filter->key);
    wipe(filter->nonce, sizeof filter->nonce);
    filter->has_key = false;
}

static void drop_message(struct ech_filter* filter) {
    free(filter->message);
    filter->message = NULL;
    filter->message_size = 0;
    filter->message_whole = ech_hello_header_size;
}

static void drop_ready(struct ech_filter* filter) {
    if (filter->ready != NULL)
        wipe(filter->ready, filter->ready_size);
    free(filter->ready);
    filter->ready = NULL;
    filter->ready_at = filter->ready_size = 0;
}

void ech_filter_end(struct ech_filter* filter) {
    forget_key(filter);
    drop_message(filter);
    drop_ready(filter);
}

static void fail(struct ech_filter* filter, enum ech_filter_status why) {
    ech_filter_end(filter);
    filter->phase = ech_filter_failed;
    filter->status = why;
}

/* go_raw: what has come of a record's head is the library's to read. */
static void go_raw(struct ech_filter* filter) {
    forget_key(filter);
    drop_message(filter);
    filter->phase = ech_filter_raw;
    if (filter->head_size == 0)
        return;
    memcpy(filter->passed, filter->head, filter->head_size);
    filter->ready_size = filter->head_size; /* nothing else is ready while a head is being read */
    filter->head_size = 0;
}

static void begin_head(struct ech_filter* filter) {
    filter->phase = filter->is_answered && !filter->is_retried ? ech_filter_raw : ech_filter_in_head;
    filter->head_size = 0;
}

/* feed makes records of an inner hello. Their version is that of a second hello (RFC 8446, section 5.1),
 * which a first one may have, too: some libraries demand it of both. */
static bool feed(struct ech_filter* filter, const unsigned char* message, size_t size) {
    const size_t records = (size + longest_clear_body - 1) / longest_clear_body;
    unsigned char* at = malloc(size + records * ech_filter_record_head);
    if (at == NULL)
        return false;
    filter->ready = at;
    filter->ready_at = 0;
    filter->ready_size = size + records * ech_filter_record_head;
    while (size > 0) {
        const size_t part = size < longest_clear_body ? size : longest_clear_body;
        const unsigned char head[] = {handshake, 3, 3, (unsigned char)(part >> 8), (unsigned char)part};
        memcpy(at, head, sizeof head);
        memcpy(at + sizeof head, message, part);
        at += sizeof head + part;
        message += part;
        size -= part;
    }
    return true;
}

enum ech_filter_status ech_filter_begin(struct ech_filter* filter, const unsigned char* value, size_t size,
                                        ech_open open) {
    struct ech_state state;
    memset(filter, 0, sizeof *filter);
    filter->status = ech_filter_bad_state;
    filter->phase = ech_filter_failed;
    if (ech_state_parse(value, size, &state) != ech_state_sound)
        return filter->status;
    filter->status = ech_filter_no_memory;
    if (!feed(filter, state.inner, state.inner_size))
        return filter->status;
    filter->open = open;
    filter->config_id = state.config_id;
    filter->kdf = state.kdf;
    filter->aead = state.aead;
    memcpy(filter->key, state.key, state.key_size);
    memcpy(filter->nonce, state.nonce, ech_state_nonce_size);
    filter->has_key = true;
    filter->has_early_data = ech_state_offers_early_data(&state);
    filter->left = state.outer_size;
    filter->message_whole = ech_hello_header_size;
    filter->phase = ech_filter_discarding;
    return filter->status = ech_filter_fine;
}

size_t ech_filter_ready(const struct ech_filter* filter) {
    return filter->phase == ech_filter_discarding ? 0 : filter->ready_size - filter->ready_at;
}

bool ech_filter_is_over(const struct ech_filter* filter) {
    return filter->phase == ech_filter_raw && ech_filter_ready(filter) == 0;
}

size_t ech_filter_wants(const struct ech_filter* filter) {
    if (ech_filter_ready(filter) > 0)
        return 0;
    switch (filter->phase) {
    case ech_filter_discarding:
    case ech_filter_gathering:
        return filter->left;
    case ech_filter_in_head:
        return ech_filter_record_head - filter->head_size;
    case ech_filter_passing:
        return filter->left < sizeof filter->passed ? filter->left : sizeof filter->passed;
    case ech_filter_raw:
    case ech_filter_failed:
        break;
    }
    return 0;
}

size_t ech_filter_take(struct ech_filter* filter, unsigned char* to, size_t room) {
    const size_t ready = ech_filter_ready(filter);
    const size_t size = ready < room ? ready : room;
    if (size == 0)
        return 0;
    memcpy(to, (filter->ready != NULL ? filter->ready : filter->passed) + filter->ready_at, size);
    filter->ready_at += size;
    if (size == ready)
        drop_ready(filter);
    return size;
}

/* --- the second hello --- */

static enum ech_filter_status open_second(struct ech_filter* filter) {
    struct ech_second second;
    if (filter->left > 0)
        return ech_filter_bytes_behind;
    enum ech_filter_status status = ech_second_open(filter, &second);
    if (status == ech_filter_fine && !feed(filter, second.inner, second.inner_size))
        status = ech_filter_no_memory;
    ech_second_free(&second);
    return status;
}

static void finish_second(struct ech_filter* filter) {
    const enum ech_filter_status status = open_second(filter);
    if (status != ech_filter_fine)
        fail(filter, status);
    else
        go_raw(filter);
}

static void gather(struct ech_filter* filter, const unsigned char* bytes, size_t size) {
    while (size > 0 && filter->phase == ech_filter_gathering) {
        const size_t missing = filter->message_whole - filter->message_size;
        const size_t part = size < missing ? size : missing;
        memcpy(filter->message + filter->message_size, bytes, part);
        filter->message_size += part;
        filter->left -= part;
        bytes += part;
        size -= part;
        if (filter->message_size < filter->message_whole)
            continue;
        const bool is_begun = filter->message_whole > ech_hello_header_size;
        const enum ech_filter_status status = is_begun ? ech_filter_fine : ech_second_begin(filter);
        if (status != ech_filter_fine)
            fail(filter, status);
        else if (is_begun)
            finish_second(filter);
    }
    if (filter->phase == ech_filter_gathering && filter->left == 0)
        begin_head(filter);
}

/* --- records --- */

static void begin_gathering(struct ech_filter* filter) {
    if (!filter->is_retried || filter->left == 0 || filter->left > longest_clear_body) {
        fail(filter, filter->is_retried ? ech_filter_bad_record : ech_filter_early_hello);
        return;
    }
    if (filter->message == NULL)
        filter->message = malloc(ech_hello_header_size);
    if (filter->message == NULL) {
        fail(filter, ech_filter_no_memory);
        return;
    }
    filter->head_size = 0; /* the library gets other records */
    filter->phase = ech_filter_gathering;
}

static void pass_head(struct ech_filter* filter) {
    memcpy(filter->passed, filter->head, filter->head_size);
    filter->ready_size = filter->head_size;
    filter->head_size = 0;
    filter->phase = filter->left > 0 ? ech_filter_passing : ech_filter_in_head;
}

/* begin_body: encrypted records before a second hello can only be early data, which the server will skip. */
static void begin_body(struct ech_filter* filter) {
    const unsigned char type = filter->head[0];
    filter->left = (size_t)filter->head[3] * 256 + filter->head[4];
    if (type < change_cipher_spec || type > application_data || filter->left > longest_body)
        fail(filter, ech_filter_bad_record);
    else if (type == handshake)
        begin_gathering(filter);
    else if (filter->message != NULL)
        fail(filter, ech_filter_interleaved);
    else if (type == application_data && !filter->has_early_data)
        go_raw(filter);
    else
        pass_head(filter);
}

void ech_filter_give(struct ech_filter* filter, const unsigned char* bytes, size_t size) {
    if (size == 0 || size > ech_filter_wants(filter))
        return;
    switch (filter->phase) {
    case ech_filter_discarding:
        filter->left -= size;
        if (filter->left == 0)
            begin_head(filter);
        return;
    case ech_filter_in_head:
        memcpy(filter->head + filter->head_size, bytes, size);
        filter->head_size += size;
        if (filter->head_size == ech_filter_record_head)
            begin_body(filter);
        return;
    case ech_filter_passing:
        memcpy(filter->passed, bytes, size);
        filter->ready_size = size;
        filter->left -= size;
        if (filter->left == 0)
            begin_head(filter);
        return;
    case ech_filter_gathering:
        gather(filter, bytes, size);
        return;
    case ech_filter_raw:
    case ech_filter_failed:
        return;
    }
}

/* --- the server's answer --- */

/* accept: it wants no other hello. One that answers before it has read anything is given the first all the
 * same. */
static void accept(struct ech_filter* filter) {
    forget_key(filter);
    if (filter->phase == ech_filter_in_head || filter->phase == ech_filter_passing)
        go_raw(filter);
}

void ech_filter_show(struct ech_filter* filter, const unsigned char* bytes, size_t size) {
    for (size_t i = 0; i < size && !filter->is_answered; ++i) {
        if (!ech_second_is_asked_for(filter->answered, bytes[i])) {
            filter->is_answered = true;
            accept(filter);
        } else if (++filter->answered == ech_filter_answer_size) {
            filter->is_answered = filter->is_retried = true;
        }
    }
}
