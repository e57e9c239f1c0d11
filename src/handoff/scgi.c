// SPDX-License-Identifier: BSL-1.0
/* See scgi.h. */
#include "snipass/handoff/scgi.h"

#include "reading.h"

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

static enum handoff_fault judge(const struct handoff_calls* calls, const struct handoff* handoff,
                                const struct handoff_scgi* message) {
    if (!is_paired(message) || strcmp(handoff_scgi_next(message, NULL), "CONTENT_LENGTH") != 0 ||
        !has(handoff_scgi_find(message, "CONTENT_LENGTH"), "0") ||
        !has(handoff_scgi_find(message, "SCGI"), "1+fd_pass"))
        return handoff_bad_scgi;
    if (handoff_scgi_find(message, "HTTPS") != NULL || handoff_scgi_find(message, "KTLS_RX") != NULL)
        return handoff_in_clear;
    return handoff_judge_client(calls, handoff->client);
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
                                        struct handoff_scgi* message, int connection) {
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
        const enum handoff_fault fault = judge(calls, handoff, message);
        return fault == handoff_sound ? handoff_complete : handoff_refuse(calls, handoff, fault);
    }
}
