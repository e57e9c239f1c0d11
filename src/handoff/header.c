// SPDX-License-Identifier: BSL-1.0
/* See header.h. The order of the checks is the order of the bytes in docs/handoff.md. */
#include "snipass/handoff/header.h"

#include "snipass/handoff/ech_state.h"

#include <netinet/in.h>
#include <string.h>

enum {
    fixed_size = 16, /* signature, version and command, family, length */
    version_at = 12,
    family_at = 13,
    length_at = 14,
    version = 2,
    local = 0,
    proxy = 1,
    tcp_over_v4 = 0x11,
    tcp_over_v6 = 0x21,
    v4_size = 12,
    v6_size = 36,
    tlv_alpn = 0x01,
    tlv_authority = 0x02,
    tlv_unique_id = 0x05,
    tlv_ssl = 0x20,
    tlv_ssl_common_name = 0x22,
    tlv_ech = 0xE0,
    tlv_plaintext = 0xE2,
    tlv_farewell = 0xE3,
    authority_max = 255, /* as the PROXY protocol has it */
    unique_id_max = 128,
};

static const unsigned char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* is_family: one that a receiver has to read, if only as "not known". */
static bool is_family(unsigned char family) {
    static const unsigned char families[] = {0x00, tcp_over_v4, 0x12, tcp_over_v6, 0x22, 0x31, 0x32};
    return memchr(families, family, sizeof families) != NULL;
}

static enum handoff_fault judge_start(const unsigned char* bytes) {
    if (bytes[version_at] >> 4 != version)
        return handoff_bad_version;
    if ((bytes[version_at] & 0x0F) > proxy)
        return handoff_bad_command;
    return is_family(bytes[family_at]) ? handoff_sound : handoff_bad_family;
}

size_t handoff_header_size(const unsigned char* bytes, size_t size, size_t most, enum handoff_fault* fault) {
    *fault = handoff_bad_signature;
    if (memcmp(bytes, signature, size < sizeof signature ? size : sizeof signature) != 0)
        return 0;
    *fault = handoff_sound;
    if (size < fixed_size)
        return fixed_size;
    *fault = judge_start(bytes);
    if (*fault != handoff_sound)
        return 0;
    const size_t whole = fixed_size + (size_t)bytes[length_at] * 256 + bytes[length_at + 1];
    if (whole <= most)
        return whole;
    *fault = handoff_too_long;
    return 0;
}

static void parse_addresses(const unsigned char* at, bool v6, struct handoff_metadata* metadata) {
    struct sockaddr_storage* const addresses[2] = {&metadata->peer, &metadata->local};
    const size_t size = v6 ? 16 : 4;
    for (size_t i = 0; i < 2; ++i) {
        const unsigned char* port = at + 2 * size + 2 * i;
        if (v6) {
            struct sockaddr_in6 address = {.sin6_family = AF_INET6};
            memcpy(&address.sin6_addr, at + i * size, size);
            memcpy(&address.sin6_port, port, 2);
            memcpy(addresses[i], &address, sizeof address);
        } else {
            struct sockaddr_in address = {.sin_family = AF_INET};
            memcpy(&address.sin_addr, at + i * size, size);
            memcpy(&address.sin_port, port, 2);
            memcpy(addresses[i], &address, sizeof address);
        }
    }
}

/* is_host_name: what the router writes. A server may log it as it is. */
static bool is_host_name(const unsigned char* text, size_t size) {
    if (size > handoff_host_name_max)
        return false;
    for (size_t i = 0; i < size; ++i) {
        const unsigned char c = text[i];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

static enum handoff_fault parse_authority(const unsigned char* value, size_t size,
                                          struct handoff_metadata* metadata) {
    if (size == 0 || size > authority_max)
        return handoff_bad_authority;
    if (is_host_name(value, size)) {
        memcpy(metadata->host_name, value, size);
        metadata->host_name[size] = '\0';
    }
    return handoff_sound;
}

static enum handoff_fault parse_alpn(const unsigned char* value, size_t size,
                                     struct handoff_metadata* metadata) {
    if (size == 0 || size > handoff_alpn_max)
        return handoff_bad_alpn;
    memcpy(metadata->alpn, value, size);
    metadata->alpn_size = size;
    return handoff_sound;
}

static enum handoff_fault parse_id(const unsigned char* value, size_t size,
                                   struct handoff_metadata* metadata) {
    if (size > unique_id_max)
        return handoff_bad_id;
    metadata->has_id = size == handoff_id_size; /* one of another size is not our routers' */
    if (metadata->has_id)
        memcpy(metadata->id, value, size);
    return handoff_sound;
}

/* parse_plaintext: whoever does not know what the socket is must not use it. */
static enum handoff_fault parse_plaintext(const unsigned char* value, size_t size,
                                          struct handoff_metadata* metadata) {
    if (size != 1 || (value[0] != handoff_kernel_tls && value[0] != handoff_socket_pair))
        return handoff_bad_plaintext;
    metadata->plaintext = (enum handoff_plaintext)value[0];
    return handoff_sound;
}

/* is_client_name: a server may log it as it is. */
static bool is_client_name(const unsigned char* text, size_t size) {
    for (size_t i = 0; i < size; ++i)
        if (text[i] < ' ' || text[i] == 0x7F)
            return false;
    return size <= handoff_client_name_max;
}

/* parse_ssl: of what TLS was, only who the client is counts here. */
static enum handoff_fault parse_ssl(const unsigned char* value, size_t size,
                                    struct handoff_metadata* metadata) {
    enum {
        start = 5, /* flags, and four bytes of "verify": 0 is verified */
        head = 3,
        has_shown_one = 0x02,
    };
    if (size < start)
        return handoff_bad_ssl;
    static const unsigned char verified[4];
    const bool is_good = (value[0] & has_shown_one) != 0 && memcmp(value + 1, verified, sizeof verified) == 0;
    metadata->has_client_name = is_good;
    for (size_t at = start; at < size;) {
        const size_t left = size - at;
        const size_t length = left < head ? 0 : (size_t)value[at + 1] * 256 + value[at + 2];
        if (left < head || length > left - head)
            return handoff_bad_ssl;
        const unsigned char* const text = value + at + head;
        if (is_good && value[at] == tlv_ssl_common_name && is_client_name(text, length)) {
            memcpy(metadata->client_name, text, length);
            metadata->client_name[length] = '\0';
        }
        at += head + length;
    }
    return handoff_sound;
}

/* parse_farewell: a path that a server would look for in its own folder is none. */
static enum handoff_fault parse_farewell(const unsigned char* value, size_t size,
                                         struct handoff_metadata* metadata) {
    if (size == 0 || size >= sizeof metadata->farewell || value[0] != '/' ||
        memchr(value, '\0', size) != NULL)
        return handoff_bad_farewell;
    memcpy(metadata->farewell, value, size);
    metadata->farewell[size] = '\0';
    return handoff_sound;
}

static enum handoff_fault parse_ech(const unsigned char* value, size_t size,
                                    struct handoff_metadata* metadata) {
    struct ech_state state;
    if (ech_state_parse(value, size, &state) != ech_state_sound)
        return handoff_bad_ech;
    metadata->ech = value;
    metadata->ech_size = size;
    return handoff_sound;
}

/* parse_tlv: each type that is known comes once. */
static enum handoff_fault parse_tlv(unsigned type, const unsigned char* value, size_t size, unsigned* seen,
                                    struct handoff_metadata* metadata) {
    static const struct {
        unsigned type;
        enum handoff_fault (*parse)(const unsigned char*, size_t, struct handoff_metadata*);
    } known[] = {{tlv_authority, parse_authority},
                 {tlv_alpn, parse_alpn},
                 {tlv_unique_id, parse_id},
                 {tlv_plaintext, parse_plaintext},
                 {tlv_ssl, parse_ssl},
                 {tlv_farewell, parse_farewell},
                 {tlv_ech, parse_ech}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i) {
        if (known[i].type != type)
            continue;
        if ((*seen & 1U << i) != 0)
            return handoff_repeated_tlv;
        *seen |= 1U << i;
        return known[i].parse(value, size, metadata);
    }
    return handoff_sound;
}

static enum handoff_fault parse_tlvs(const unsigned char* bytes, size_t size,
                                     struct handoff_metadata* metadata) {
    enum {
        head = 3
    };
    unsigned seen = 0;
    for (size_t at = 0; at < size;) {
        const size_t left = size - at;
        const size_t length = left < head ? 0 : (size_t)bytes[at + 1] * 256 + bytes[at + 2];
        if (left < head || length > left - head)
            return handoff_bad_tlv;
        const enum handoff_fault fault = parse_tlv(bytes[at], bytes + at + head, length, &seen, metadata);
        if (fault != handoff_sound)
            return fault;
        at += head + length;
    }
    return handoff_sound;
}

enum handoff_fault handoff_parse_header(const unsigned char* bytes, size_t size,
                                        struct handoff_metadata* metadata) {
    memset(metadata, 0, sizeof *metadata);
    enum handoff_fault fault;
    if (handoff_header_size(bytes, size, handoff_ech_header_max, &fault) != size)
        return fault != handoff_sound ? fault : handoff_cut_header;
    const bool v6 = bytes[family_at] == tcp_over_v6;
    /* What is behind is to be left out then (proxy-protocol.txt, section 2.2). */
    if ((bytes[version_at] & 0x0F) == local || (!v6 && bytes[family_at] != tcp_over_v4))
        return handoff_sound;
    const size_t tlvs = fixed_size + (v6 ? v6_size : v4_size);
    if (size < tlvs)
        return handoff_bad_addresses;
    parse_addresses(bytes + fixed_size, v6, metadata);
    return parse_tlvs(bytes + tlvs, size - tlvs, metadata);
}
