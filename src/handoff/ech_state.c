// SPDX-License-Identifier: BSL-1.0
/* See ech_state.h. */
#include "snipass/handoff/ech_state.h"

#include "snipass/handoff/ech_hello.h"

enum {
    version_at = 0,
    config_id_at = 1,
    kdf_at = 2,
    aead_at = 4,
    outer_size_at = 6,
    key_size_at = 10,
    key_at = 11,
    client_hello = 1,
    extension_early_data = 42,
    outer_max = 512 * 1024, /* a hello of 64 KiB in records of one byte is 384 KiB */
};

static uint32_t number(const unsigned char* at, size_t bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; ++i)
        value = value << 8 | at[i];
    return value;
}

size_t ech_state_key_size(uint16_t aead) {
    switch (aead) {
    case ech_state_aes_128_gcm:
        return 16;
    case ech_state_aes_256_gcm:
    case ech_state_chacha20_poly1305:
        return 32;
    default:
        return 0;
    }
}

static int is_client_hello(const unsigned char* message, size_t size) {
    return size > ech_hello_header_size && message[0] == client_hello &&
           number(message + 1, 3) == size - ech_hello_header_size;
}

enum ech_state_fault ech_state_parse(const unsigned char* value, size_t size, struct ech_state* state) {
    if (size < 1)
        return ech_state_cut;
    if (value[version_at] != ech_state_version)
        return ech_state_other_version;
    if (size < key_at)
        return ech_state_cut;
    const size_t key_size = value[key_size_at];
    const size_t inner_at = key_at + key_size + ech_state_nonce_size;
    const uint16_t aead = (uint16_t)number(value + aead_at, 2);
    if (key_size == 0 || key_size != ech_state_key_size(aead))
        return ech_state_bad_aead;
    if (size < inner_at)
        return ech_state_cut;
    *state = (struct ech_state){.config_id = value[config_id_at],
                                .kdf = (uint16_t)number(value + kdf_at, 2),
                                .aead = aead,
                                .outer_size = number(value + outer_size_at, 4),
                                .key_size = key_size,
                                .key = value + key_at,
                                .nonce = value + key_at + key_size,
                                .inner_size = size - inner_at,
                                .inner = value + inner_at};
    if (state->outer_size == 0 || state->outer_size > outer_max)
        return ech_state_bad_outer;
    return is_client_hello(state->inner, state->inner_size) ? ech_state_sound : ech_state_bad_inner;
}

int ech_state_offers_early_data(const struct ech_state* state) {
    static const unsigned char prefixes[] = {1, 2, 1}; /* session ID, cipher suites, compression */
    const unsigned char* const message = state->inner;
    size_t at = ech_hello_header_size + 2 + 32;
    for (size_t i = 0; i < sizeof prefixes; ++i) {
        if (at + prefixes[i] > state->inner_size)
            return 0;
        at += prefixes[i] + number(message + at, prefixes[i]);
    }
    for (at += 2; at + 4 <= state->inner_size; at += 4 + number(message + at + 2, 2))
        if (number(message + at, 2) == extension_early_data)
            return 1;
    return 0;
}
