// SPDX-License-Identifier: BSL-1.0
/* Between a client's socket and a TLS library that knows the inner hello alone: for receivers of clients
 * whose ClientHello the router has decrypted (TLV E0 in docs/handoff.md), and for the router itself where it
 * relays. No system call is here: who has the socket reads what ech_filter_wants, gives it, and takes what
 * the library reads. What the server says is shown to it before it is sent (ech_filter_show).
 *
 * The outer hello is thrown away, the inner one takes its place. Whatever follows goes through, but for the
 * one hello behind a HelloRetryRequest, which is opened with the key of this connection (RFC 9849, section
 * 7.1.1). Nothing is read ahead: once it is over, the socket is where a plain one would be.
 *
 * The filter owns its memory and the key, which is wiped as soon as nobody can need it any more: when the
 * server has answered with anything but a HelloRetryRequest, at the second hello, at a failure. At most
 * 64 KiB of a hello are kept, four times while it is opened. A failure ends it for good. */
#pragma once

#include "snipass/handoff/ech_hello.h"
#include "snipass/handoff/ech_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ech_open opens `in`, whose last 16 bytes are the tag, into `out`, which has room for the others. 0: it is
 * not authentic, or the AEAD is not supported. */
typedef int (*ech_open)(uint16_t aead, const unsigned char* key, const unsigned char* nonce,
                        const unsigned char* aad, size_t aad_size, const unsigned char* in, size_t in_size,
                        unsigned char* out);

enum ech_filter_status {
    ech_filter_fine,
    ech_filter_bad_state, /* the TLV's value: ech_state_parse says why */
    ech_filter_no_memory,
    ech_filter_bad_record,   /* the type or length is no record's (RFC 8446, section 5.1) */
    ech_filter_early_hello,  /* a second hello, and the server has not asked for one */
    ech_filter_interleaved,  /* a record of another type amid the second hello */
    ech_filter_not_hello,    /* another message in its place */
    ech_filter_too_large,    /* a second hello of more than 64 KiB */
    ech_filter_bytes_behind, /* its last record goes on behind it */
    ech_filter_malformed,    /* its encrypted_client_hello cannot be read */
    ech_filter_missing,      /* it has none */
    ech_filter_other_config, /* another config_id or suite than the first, or of type inner */
    ech_filter_has_enc,      /* a new HPKE context */
    ech_filter_not_opened,   /* the payload is not authentic */
    ech_filter_not_rebuilt,  /* what is in it makes no inner hello: ech_hello_rebuild says why */
};

enum {
    ech_filter_record_head = 5,
    ech_filter_answer_size = 5 + 4 + 2 + 32, /* record, handshake, version; the random tells */
};

enum ech_filter_phase {
    ech_filter_discarding, /* the outer hello */
    ech_filter_in_head,    /* of a record */
    ech_filter_passing,    /* a record's body */
    ech_filter_gathering,  /* the second hello, in a record's body */
    ech_filter_raw,        /* over: everything goes through */
    ech_filter_failed,
};

struct ech_filter {
    enum ech_filter_phase phase;
    enum ech_filter_status status;
    enum ech_hello_status why_not_rebuilt;
    ech_open open;
    uint8_t config_id;
    uint16_t kdf, aead;
    unsigned char key[ech_state_key_max];
    unsigned char nonce[ech_state_nonce_size];
    bool has_key;
    bool has_early_data; /* was offered: encrypted records may come before the second hello */
    bool is_answered, is_retried;
    size_t answered; /* bytes of the answer that have been as a HelloRetryRequest's would be */
    size_t left;     /* of the outer hello, or of the record's body */
    unsigned char head[ech_filter_record_head];
    size_t head_size;
    unsigned char* message; /* the second hello so far */
    size_t message_size, message_whole;
    unsigned char* ready; /* what the library reads next, from ready_at on; null: in `passed` */
    size_t ready_at, ready_size;
    unsigned char passed[512];
};

/* ech_filter_begin copies what it needs of a TLV's value. Not ech_filter_fine: there is nothing to end. */
enum ech_filter_status ech_filter_begin(struct ech_filter* filter, const unsigned char* value, size_t size,
                                        ech_open open);

/* ech_filter_end wipes and frees. It may be called again. */
void ech_filter_end(struct ech_filter* filter);

/* ech_filter_wants: so many bytes of the socket at most are to be read and given now. 0: what is ready is to
 * be taken first, or it is over, or it has failed. */
size_t ech_filter_wants(const struct ech_filter* filter);

/* ech_filter_give: `size` bytes that came from the client, as many as are wanted or fewer. */
void ech_filter_give(struct ech_filter* filter, const unsigned char* bytes, size_t size);

/* ech_filter_take: what the TLS library reads. 0: nothing is ready. */
size_t ech_filter_take(struct ech_filter* filter, unsigned char* to, size_t room);
size_t ech_filter_ready(const struct ech_filter* filter);

/* ech_filter_show: what the server says, in its order, before the client has it. */
void ech_filter_show(struct ech_filter* filter, const unsigned char* bytes, size_t size);

/* ech_filter_is_over: nothing is ready, and from here on everything goes through as it is. */
bool ech_filter_is_over(const struct ech_filter* filter);

/* ech_filter_alert is the alert that the client is owed for a failure (RFC 8446, section 6; RFC 9849, section
 * 7.1.1), in clear, as is everything up to the second hello. */
unsigned char ech_filter_alert(enum ech_filter_status status);

/* ech_filter_text is a sentence, for a log. */
const char* ech_filter_text(enum ech_filter_status status);

#ifdef __cplusplus
}
#endif
