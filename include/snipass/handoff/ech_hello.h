// SPDX-License-Identifier: BSL-1.0
/* Encrypted ClientHello (RFC 9849), as far as it is bytes: where the encrypted part of a hello lies, what it
 * is authenticated with, and the inner hello from what was decrypted. For the router and for the receivers of
 * its clients, with the same object code. Nothing is owned, nothing is kept, and there is no system call. A
 * failure leaves nothing behind that may be used. A `message` is a whole handshake message, header included,
 * that came from a client; nothing else is assumed of it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ech_hello_max = 65536,     /* of an inner hello that is rebuilt, its handshake header included */
    ech_hello_header_size = 4, /* of a handshake message: type, length (3) */
};

/* Bytes of a message. */
struct ech_hello_range {
    size_t at;
    size_t size;
};

/* What the extension says in an outer hello (section 5). */
struct ech_hello_outer {
    uint16_t kdf; /* of HPKE (RFC 9180, section 7) */
    uint16_t aead;
    uint8_t config_id;
    struct ech_hello_range enc; /* empty in a second hello (section 6.1.5) */
    struct ech_hello_range payload;
};

enum ech_hello_kind {
    ech_hello_malformed, /* a field reaches beyond what it is in, or the extension comes twice */
    ech_hello_none,
    ech_hello_is_inner,
    ech_hello_is_outer,
};

/* ech_hello_find looks for the extension. *outer is filled for ech_hello_is_outer alone. */
enum ech_hello_kind ech_hello_find(const unsigned char* message, size_t size, struct ech_hello_outer* outer);

/* ech_hello_write_aad writes ClientHelloOuterAAD (section 5.2), which is size - ech_hello_header_size bytes:
 * the message without its header, with zeros for the payload. *outer is what ech_hello_find said of the
 * message. */
void ech_hello_write_aad(const unsigned char* message, size_t size, const struct ech_hello_outer* outer,
                         unsigned char* aad);

/* Why there is no inner hello. The alert is illegal_parameter for each (sections 5.1 and 7.1). */
enum ech_hello_status {
    ech_hello_rebuilt,
    ech_hello_outer_malformed,   /* the outer message is no ClientHello */
    ech_hello_truncated,         /* a field reaches beyond what was decrypted (section 5.1) */
    ech_hello_has_session_id,    /* legacy_session_id is not empty (section 5.1) */
    ech_hello_padding_not_zero,  /* section 5.1 */
    ech_hello_references_list,   /* ech_outer_extensions is empty, odd or does not fill its extension (5.1) */
    ech_hello_references_twice,  /* there is more than one ech_outer_extensions (section 5.1) */
    ech_hello_references_ech,    /* it refers to encrypted_client_hello, or to itself (section 5.1) */
    ech_hello_reference_missing, /* it refers to what the outer hello lacks, to the same twice, or in another
                                    order (section 5.1) */
    ech_hello_outer_has_references, /* ech_outer_extensions in the outer hello (section 5.1) */
    ech_hello_not_inner,            /* no encrypted_client_hello of type inner (section 7.1) */
    ech_hello_old_version,          /* TLS 1.2 or older is offered, or no supported_versions (section 7.1) */
    ech_hello_too_large,            /* more than `room`, or than a length has bytes for */
};

/* ech_hello_rebuild makes ClientHelloInner of EncodedClientHelloInner (section 5.1): the session ID of the
 * outer hello for the empty one, and the outer hello's extensions for those that are referred to. `inner` has
 * `room` bytes; then it holds a handshake message of *inner_size bytes, header included. Whether that is a
 * hello that a TLS stack takes is its reader's to say. Linear work. */
enum ech_hello_status ech_hello_rebuild(const unsigned char* message, size_t size,
                                        const unsigned char* encoded, size_t encoded_size,
                                        unsigned char* inner, size_t room, size_t* inner_size);

/* ech_hello_status_text is a sentence with its section, for a log. */
const char* ech_hello_status_text(enum ech_hello_status status);

#ifdef __cplusplus
}
#endif
