// SPDX-License-Identifier: BSL-1.0
/* The value of TLV E0 (docs/handoff.md): what a receiver needs of a client whose ClientHello the router has
 * decrypted. Nothing is owned: the ranges lie in the value. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ech_state_version = 1,
    ech_state_nonce_size = 12,
    ech_state_key_max = 32,
    ech_state_tag_size = 16, /* of each AEAD below */
};

/* AEADs of HPKE (RFC 9180, section 7.3). */
enum {
    ech_state_aes_128_gcm = 1,
    ech_state_aes_256_gcm = 2,
    ech_state_chacha20_poly1305 = 3,
};

struct ech_state {
    uint8_t config_id;
    uint16_t kdf;
    uint16_t aead;
    uint32_t outer_size; /* bytes of the socket that the outer hello takes, its record headers included */
    size_t key_size;
    const unsigned char* key;
    const unsigned char* nonce; /* the base nonce, of ech_state_nonce_size */
    size_t inner_size;
    const unsigned char* inner; /* a whole handshake message, ClientHello */
};

enum ech_state_fault {
    ech_state_sound,
    ech_state_cut,           /* it ends too early */
    ech_state_other_version, /* of the value's form */
    ech_state_bad_aead,      /* unknown, or its key has another size */
    ech_state_bad_outer,     /* a hello of no bytes, or of more than a router reads */
    ech_state_bad_inner,     /* not one whole ClientHello message */
};

/* ech_state_parse reads a whole value. */
enum ech_state_fault ech_state_parse(const unsigned char* value, size_t size, struct ech_state* state);

/* ech_state_offers_early_data: then encrypted records may come before a second hello (RFC 8446, section
 * 4.2.10). Of a message that cannot be read the answer is no; the TLS library will refuse it. */
int ech_state_offers_early_data(const struct ech_state* state);

/* ech_state_key_size is 0 for an AEAD that is none of the three. */
size_t ech_state_key_size(uint16_t aead);

#ifdef __cplusplus
}
#endif
