// SPDX-License-Identifier: BSL-1.0
/* See ech_hello.h. One primitive moves a reader's pointer; a length prefix gives a reader of its own, so that
 * no inner length reaches outside. */
#include "snipass/handoff/ech_hello.h"

#include <stdbool.h>
#include <string.h>

enum {
    client_hello = 1,
    version_and_random = 2 + 32,
    extension_ech = 0xfe0d,
    extension_references = 0xfd00, /* ech_outer_extensions */
    extension_versions = 43,
    type_outer = 0,
    type_inner = 1,
    tls13 = 0x0304,
};

struct reader {
    const unsigned char* at;
    size_t left;
};

static bool take(struct reader* in, size_t size, struct reader* part) {
    if (in->left < size)
        return false;
    *part = (struct reader){in->at, size};
    in->at += size;
    in->left -= size;
    return true;
}

static bool take_number(struct reader* in, size_t bytes, size_t* number) {
    struct reader part;
    if (!take(in, bytes, &part))
        return false;
    *number = 0;
    for (size_t i = 0; i < bytes; ++i)
        *number = *number << 8 | part.at[i];
    return true;
}

static bool take_prefixed(struct reader* in, size_t length_bytes, struct reader* part) {
    size_t length;
    return take_number(in, length_bytes, &length) && take(in, length, part);
}

/* A ClientHello's body (RFC 8446 section 4.1.2). */
struct hello {
    struct reader start; /* legacy_version, random */
    struct reader session_id;
    struct reader cipher_suites;
    struct reader compression_methods;
    struct reader extensions;
};

static bool take_fixed_part(struct reader* in, struct hello* hello) {
    return take(in, version_and_random, &hello->start) && take_prefixed(in, 1, &hello->session_id) &&
           take_prefixed(in, 2, &hello->cipher_suites) && take_prefixed(in, 1, &hello->compression_methods);
}

/* read_message: a ClientHello may end before its extensions (RFC 5246 section 7.4.1.2). */
static bool read_message(const unsigned char* message, size_t size, struct hello* hello) {
    struct reader in = {message, size}, body;
    size_t type;
    if (!take_number(&in, 1, &type) || type != client_hello || !take_prefixed(&in, 3, &body) || in.left != 0)
        return false;
    if (!take_fixed_part(&body, hello))
        return false;
    hello->extensions = (struct reader){body.at, 0};
    return body.left == 0 || (take_prefixed(&body, 2, &hello->extensions) && body.left == 0);
}

struct extension {
    size_t type;
    struct reader body;
    struct reader whole; /* type and length included */
};

static bool take_extension(struct reader* in, struct extension* extension) {
    const struct reader before = *in;
    if (!take_number(in, 2, &extension->type) || !take_prefixed(in, 2, &extension->body))
        return false;
    extension->whole = (struct reader){before.at, before.left - in->left};
    return true;
}

static struct ech_hello_range range_of(const struct reader* part, const unsigned char* message) {
    return (struct ech_hello_range){(size_t)(part->at - message), part->left};
}

static enum ech_hello_kind parse_ech(struct reader body, const unsigned char* message,
                                     struct ech_hello_outer* outer) {
    size_t type, kdf, aead, config_id;
    struct reader enc, payload;
    if (!take_number(&body, 1, &type) || type > type_inner)
        return ech_hello_malformed;
    if (type == type_inner)
        return body.left == 0 ? ech_hello_is_inner : ech_hello_malformed;
    if (!take_number(&body, 2, &kdf) || !take_number(&body, 2, &aead) || !take_number(&body, 1, &config_id) ||
        !take_prefixed(&body, 2, &enc) || !take_prefixed(&body, 2, &payload) || payload.left == 0 ||
        body.left != 0)
        return ech_hello_malformed;
    *outer = (struct ech_hello_outer){.kdf = (uint16_t)kdf,
                                      .aead = (uint16_t)aead,
                                      .config_id = (uint8_t)config_id,
                                      .enc = range_of(&enc, message),
                                      .payload = range_of(&payload, message)};
    return ech_hello_is_outer;
}

enum ech_hello_kind ech_hello_find(const unsigned char* message, size_t size, struct ech_hello_outer* outer) {
    struct hello hello;
    if (!read_message(message, size, &hello))
        return ech_hello_malformed;
    enum ech_hello_kind found = ech_hello_none;
    while (hello.extensions.left > 0) {
        struct extension extension;
        if (!take_extension(&hello.extensions, &extension))
            return ech_hello_malformed;
        if (extension.type != extension_ech)
            continue;
        if (found != ech_hello_none)
            return ech_hello_malformed;
        found = parse_ech(extension.body, message, outer);
        if (found == ech_hello_malformed)
            return found;
    }
    return found;
}

void ech_hello_write_aad(const unsigned char* message, size_t size, const struct ech_hello_outer* outer,
                         unsigned char* aad) {
    memcpy(aad, message + ech_hello_header_size, size - ech_hello_header_size);
    memset(aad + outer->payload.at - ech_hello_header_size, 0, outer->payload.size);
}

/* What is left of the room only shrinks; what has none is not written, and is_full says so at the end. */
struct writer {
    unsigned char* at;
    size_t left;
    bool is_full;
};

static void put(struct writer* out, struct reader bytes) {
    out->is_full = out->is_full || bytes.left > out->left;
    if (out->is_full || bytes.left == 0)
        return;
    memcpy(out->at, bytes.at, bytes.left);
    out->at += bytes.left;
    out->left -= bytes.left;
}

static void put_number(struct writer* out, size_t bytes, size_t number) {
    unsigned char big_endian[3];
    for (size_t i = bytes; i-- > 0; number >>= 8)
        big_endian[i] = (unsigned char)number;
    out->is_full = out->is_full || number != 0;
    put(out, (struct reader){big_endian, bytes});
}

static void put_prefixed(struct writer* out, size_t length_bytes, struct reader bytes) {
    put_number(out, length_bytes, bytes.left);
    put(out, bytes);
}

/* expand walks the outer hello once for all references: what is not behind the one before is not there. */
static enum ech_hello_status expand(struct reader body, struct reader* outer, struct writer* out) {
    struct reader list;
    if (!take_prefixed(&body, 1, &list) || list.left == 0 || list.left % 2 != 0 || body.left != 0)
        return ech_hello_references_list;
    size_t wanted;
    while (take_number(&list, 2, &wanted)) {
        if (wanted == extension_ech || wanted == extension_references)
            return ech_hello_references_ech;
        struct extension extension;
        do {
            if (!take_extension(outer, &extension))
                return ech_hello_reference_missing;
        } while (extension.type != wanted);
        put(out, extension.whole);
    }
    return ech_hello_rebuilt;
}

static enum ech_hello_status judge_outer(struct reader extensions) {
    struct extension extension;
    while (extensions.left > 0) {
        if (!take_extension(&extensions, &extension))
            return ech_hello_outer_malformed;
        if (extension.type == extension_references)
            return ech_hello_outer_has_references;
    }
    return ech_hello_rebuilt;
}

/* offers_old: whatever is older than TLS 1.3; values of GREASE and of versions to come are larger. */
static bool offers_old(struct reader versions) {
    struct reader list;
    size_t version;
    if (!take_prefixed(&versions, 1, &list))
        return true;
    while (take_number(&list, 2, &version))
        if (version < tls13)
            return true;
    return false;
}

/* judge_inner looks at what was rebuilt, where extensions of the outer hello may be, too. */
static enum ech_hello_status judge_inner(struct reader extensions) {
    bool is_inner = false, has_versions = false;
    struct extension extension;
    while (take_extension(&extensions, &extension)) {
        if (extension.type == extension_ech) {
            if (is_inner || extension.body.left != 1 || extension.body.at[0] != type_inner)
                return ech_hello_not_inner;
            is_inner = true;
        }
        if (extension.type == extension_versions) {
            if (offers_old(extension.body))
                return ech_hello_old_version;
            has_versions = true;
        }
    }
    if (!is_inner)
        return ech_hello_not_inner;
    return has_versions ? ech_hello_rebuilt : ech_hello_old_version;
}

static enum ech_hello_status rebuild_extensions(struct reader in, struct reader outer, struct writer* out) {
    bool has_references = false;
    while (in.left > 0) {
        struct extension extension;
        if (!take_extension(&in, &extension))
            return ech_hello_truncated;
        if (extension.type != extension_references) {
            put(out, extension.whole);
            continue;
        }
        if (has_references)
            return ech_hello_references_twice;
        has_references = true;
        const enum ech_hello_status status = expand(extension.body, &outer, out);
        if (status != ech_hello_rebuilt)
            return status;
    }
    return ech_hello_rebuilt;
}

static bool is_zero(struct reader bytes) {
    unsigned char any = 0;
    for (size_t i = 0; i < bytes.left; ++i)
        any |= bytes.at[i];
    return any == 0;
}

/* read_encoded: the extensions are there, since what is behind them is padding. */
static enum ech_hello_status read_encoded(struct reader in, struct hello* hello) {
    if (!take_fixed_part(&in, hello) || !take_prefixed(&in, 2, &hello->extensions))
        return ech_hello_truncated;
    if (hello->session_id.left != 0)
        return ech_hello_has_session_id;
    return is_zero(in) ? ech_hello_rebuilt : ech_hello_padding_not_zero;
}

enum ech_hello_status ech_hello_rebuild(const unsigned char* message, size_t size,
                                        const unsigned char* encoded, size_t encoded_size,
                                        unsigned char* inner, size_t room, size_t* inner_size) {
    struct hello outer, hello;
    if (!read_message(message, size, &outer))
        return ech_hello_outer_malformed;
    enum ech_hello_status status = judge_outer(outer.extensions);
    if (status == ech_hello_rebuilt)
        status = read_encoded((struct reader){encoded, encoded_size}, &hello);
    if (status != ech_hello_rebuilt)
        return status;

    struct writer out = {inner, room < ech_hello_max ? room : ech_hello_max, false};
    put_number(&out, 1, client_hello);
    put_number(&out, 3, 0); /* written again when it is known, as that of the extensions */
    put(&out, hello.start);
    put_prefixed(&out, 1, outer.session_id);
    put_prefixed(&out, 2, hello.cipher_suites);
    put_prefixed(&out, 1, hello.compression_methods);
    put_number(&out, 2, 0);
    unsigned char* const extensions = out.at;
    status = rebuild_extensions(hello.extensions, outer.extensions, &out);
    if (status != ech_hello_rebuilt)
        return status;
    if (out.is_full)
        return ech_hello_too_large;

    *inner_size = (size_t)(out.at - inner);
    const size_t extensions_size = (size_t)(out.at - extensions);
    put_number(&(struct writer){inner + 1, 3, false}, 3, *inner_size - ech_hello_header_size);
    put_number(&(struct writer){extensions - 2, 2, false}, 2, extensions_size); /* less than ech_hello_max */
    return judge_inner((struct reader){extensions, extensions_size});
}
