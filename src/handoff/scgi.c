// SPDX-License-Identifier: BSL-1.0
/* See scgi.h. */
#include "snipass/handoff/scgi.h"

#include "reading.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    most_digits = 7,
};

void handoff_scgi_init(struct handoff_scgi* message) {
    *message = (struct handoff_scgi){0};
}

void handoff_scgi_free(struct handoff_scgi* message) {
    free(message->text);
    handoff_scgi_init(message);
}

const char* handoff_scgi_value(const char* name) {
    return name + strlen(name) + 1;
}

static const char* behind(const char* value) {
    return value + strlen(value) + 1;
}

const char* handoff_scgi_next(const struct handoff_scgi* message, const char* name) {
    if (message->text == NULL)
        return NULL;
    const char* first = message->text + message->at;
    const char* next = name == NULL ? first : behind(handoff_scgi_value(name));
    return next < first + message->size ? next : NULL;
}

const char* handoff_scgi_find(const struct handoff_scgi* message, const char* name) {
    const char* found = handoff_scgi_next(message, NULL);
    while (found != NULL && strcmp(found, name) != 0)
        found = handoff_scgi_next(message, found);
    return found != NULL ? handoff_scgi_value(found) : NULL;
}

/* find_length reads the netstring's first part, LENGTH and a colon. */
static enum handoff_progress find_length(const struct handoff* handoff, struct handoff_scgi* message) {
    size_t length = 0, at = 0;
    for (; at < handoff->received && at < most_digits; ++at) {
        const unsigned char byte = handoff->bytes[at];
        if (byte < '0' || byte > '9')
            break;
        length = length * 10 + (size_t)(byte - '0');
    }
    if (at == handoff->received)
        return handoff_wants_more;
    if (handoff->bytes[at] != ':' || length == 0 || handoff->bytes[0] == '0' || length > handoff_scgi_max)
        return handoff_refused;
    message->at = at + 1;
    message->size = length;
    return handoff_complete;
}

/* is_paired: names and values, and the comma behind them. Then whoever walks them stays inside. */
static bool is_paired(const struct handoff_scgi* message) {
    const char* block = message->text + message->at;
    if (block[message->size - 1] != '\0' || block[message->size] != ',')
        return false;
    size_t words = 0;
    for (size_t at = 0; at < message->size; at += strlen(block + at) + 1, ++words)
        if (words % 2 == 0 && block[at] == '\0')
            return false; /* a name has a letter */
    return words % 2 == 0;
}

static bool has(const char* value, const char* wanted) {
    return value != NULL && strcmp(value, wanted) == 0;
}

/* read_address: where a variable is none, the family stays AF_UNSPEC. */
static void read_address(const char* host, const char* port, struct sockaddr_storage* address) {
    struct sockaddr_in* v4 = (struct sockaddr_in*)address;
    struct sockaddr_in6* v6 = (struct sockaddr_in6*)address;
    if (host == NULL || port == NULL)
        return;
    const in_port_t number = htons((uint16_t)strtoul(port, NULL, 10));
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = number;
    } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = number;
    }
}

/* copy_text: what has no room is left out. */
static void copy_text(const char* text, char* to, size_t room) {
    if (text != NULL && strlen(text) < room)
        memcpy(to, text, strlen(text) + 1);
}

/* tell_of: what the variables say that a PROXY header says to others. */
static void tell_of(const struct handoff_scgi* message, struct handoff_metadata* metadata) {
    *metadata = (struct handoff_metadata){0};
    read_address(handoff_scgi_find(message, "REMOTE_ADDR"), handoff_scgi_find(message, "REMOTE_PORT"),
                 &metadata->peer);
    read_address(handoff_scgi_find(message, "SERVER_ADDR"), handoff_scgi_find(message, "SERVER_PORT"),
                 &metadata->local);
    metadata->has_client_name = has(handoff_scgi_find(message, "SSL_CLIENT_VERIFY"), "SUCCESS");
    if (metadata->has_client_name)
        copy_text(handoff_scgi_find(message, "SSL_CLIENT_S_DN_CN"), metadata->client_name,
                  sizeof metadata->client_name);
    copy_text(handoff_scgi_find(message, "SNIPASS_FAREWELL"), metadata->farewell, sizeof metadata->farewell);
}

/* judge_socket: behind TLS the message says what carries the clear text. The module of nginx's, whose TLS the
 * kernel speaks, has KTLS_RX alone; of one whose bytes come by the unix connection it says 0. */
static enum handoff_fault judge_socket(const struct handoff_calls* calls, const struct handoff* handoff,
                                       const struct handoff_scgi* message,
                                       struct handoff_metadata* metadata) {
    const char* plaintext = handoff_scgi_find(message, "SNIPASS_PLAINTEXT");
    const char* keys = handoff_scgi_find(message, "KTLS_RX");
    if (plaintext == NULL && keys == NULL && handoff_scgi_find(message, "HTTPS") == NULL)
        return handoff_judge_client(calls, handoff->client);
    if (has(plaintext, "relay") && handoff->takes_pairs) {
        metadata->plaintext = handoff_socket_pair;
        return handoff_judge_pair(calls, handoff->client, metadata);
    }
    if ((has(plaintext, "ktls") || (plaintext == NULL && has(keys, "1"))) && handoff->takes_keyed) {
        metadata->plaintext = handoff_kernel_tls;
        return handoff_judge_keyed(calls, handoff->client);
    }
    return handoff_in_clear;
}

static enum handoff_fault judge(const struct handoff_calls* calls, const struct handoff* handoff,
                                const struct handoff_scgi* message, struct handoff_metadata* metadata) {
    if (!is_paired(message) || strcmp(handoff_scgi_next(message, NULL), "CONTENT_LENGTH") != 0 ||
        !has(handoff_scgi_find(message, "CONTENT_LENGTH"), "0") ||
        !has(handoff_scgi_find(message, "SCGI"), "1+fd_pass"))
        return handoff_bad_scgi;
    tell_of(message, metadata);
    return judge_socket(calls, handoff, message, metadata);
}

/* make_room: what follows goes where it stays. */
static bool make_room(const struct handoff* handoff, struct handoff_scgi* message) {
    message->room = message->at + message->size + 1;
    message->text = malloc(message->room);
    if (message->text != NULL && handoff->received <= message->room)
        memcpy(message->text, handoff->bytes, handoff->received);
    return message->text != NULL;
}

enum handoff_progress handoff_read_scgi(const struct handoff_calls* calls, struct handoff* handoff,
                                        struct handoff_scgi* message, struct handoff_metadata* metadata,
                                        int connection) {
    for (;;) {
        unsigned char* to = message->text != NULL ? (unsigned char*)message->text : handoff->bytes;
        const size_t room = message->text != NULL ? message->room : sizeof handoff->bytes;
        enum handoff_progress progress = handoff_read_more(calls, handoff, connection, to, room);
        if (progress != handoff_complete)
            return progress;
        if (message->text == NULL) {
            progress = find_length(handoff, message);
            if (progress == handoff_wants_more)
                continue;
            if (progress != handoff_complete || !make_room(handoff, message))
                return handoff_refuse(calls, handoff, handoff_bad_scgi);
        }
        if (handoff->received > message->room)
            return handoff_refuse(calls, handoff, handoff_bytes_behind);
        if (handoff->received < message->room)
            continue;
        const enum handoff_fault fault = judge(calls, handoff, message, metadata);
        return fault == handoff_sound ? handoff_complete : handoff_refuse(calls, handoff, fault);
    }
}
