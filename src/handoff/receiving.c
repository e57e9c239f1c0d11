// SPDX-License-Identifier: BSL-1.0
/* See receiving.h. */
#include "snipass/handoff/receiving.h"

#include "message.h"
#include "reading.h"
#include "snipass/handoff/kernel_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

void handoff_init(struct handoff* handoff) {
    handoff->client = -1;
    handoff->takes_pairs = handoff->takes_keyed = false;
    handoff->fault = handoff_sound;
    handoff->received = 0;
    handoff->larger = NULL;
}

void handoff_drop(const struct handoff_calls* calls, struct handoff* handoff) {
    if (handoff->client >= 0)
        calls->close(handoff->client);
    handoff->client = -1;
}

int handoff_release(struct handoff* handoff) {
    const int client = handoff->client;
    handoff->client = -1;
    return client;
}

int handoff_reserve(int any_fd) {
    const int reserved = fcntl(any_fd, F_DUPFD_CLOEXEC, 0);
    if (reserved < 0 && errno == EINVAL)
        errno = EMFILE; /* a limit of zero */
    return reserved;
}

static enum handoff_progress end(const struct handoff_calls* calls, struct handoff* handoff,
                                 enum handoff_progress how) {
    handoff_drop(calls, handoff);
    return how;
}

enum handoff_progress handoff_refuse(const struct handoff_calls* calls, struct handoff* handoff,
                                     enum handoff_fault why) {
    handoff->fault = why;
    return end(calls, handoff, handoff_refused);
}

/* lost: a descriptor is lost for want of room, or because a security module refuses it. */
static enum handoff_progress lost(const struct handoff_calls* calls, struct handoff* handoff, int any_fd) {
    const int reserved = handoff_reserve(any_fd);
    if (reserved < 0)
        return end(calls, handoff, handoff_no_room);
    calls->close(reserved);
    return handoff_refuse(calls, handoff, handoff_lost_descriptor);
}

/* judge_message: the descriptor travels on the first byte, and alone. */
static bool is_as_it_should_be(const struct handoff* handoff, const struct message* message) {
    const size_t expected = handoff->received == 0 ? 1 : 0;
    return message->count == expected && (message->flags & (MSG_CTRUNC | MSG_TRUNC)) == 0;
}

enum handoff_progress handoff_read_more(const struct handoff_calls* calls, struct handoff* handoff,
                                        int connection, unsigned char* to, size_t room) {
    struct message message;
    message_receive(calls, connection, to + handoff->received, room - handoff->received, 0, &message);
    if (message.size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return handoff_wants_more;
    if (message.size <= 0 && handoff->received == 0)
        return handoff_ended;
    if (message.size <= 0)
        return handoff_refuse(calls, handoff, handoff_cut_header);
    if (handoff->received == 0 && message_lost(&message))
        return lost(calls, handoff, connection);
    if (!is_as_it_should_be(handoff, &message)) {
        message_close(calls, &message);
        return handoff_refuse(calls, handoff, handoff_bad_count);
    }
    if (handoff->received == 0)
        handoff->client = message_take_one(&message);
    handoff->received += (size_t)message.size;
    return handoff_complete;
}

static unsigned char* header_of(struct handoff* handoff) {
    return handoff->larger != NULL ? handoff->larger : handoff->bytes;
}

enum handoff_progress handoff_read(const struct handoff_calls* calls, struct handoff* handoff,
                                   int connection) {
    unsigned char* const bytes = header_of(handoff);
    const size_t room = handoff->larger != NULL ? handoff_ech_header_max : sizeof handoff->bytes;
    for (;;) {
        const enum handoff_progress progress = handoff_read_more(calls, handoff, connection, bytes, room);
        if (progress != handoff_complete)
            return progress;
        enum handoff_fault fault;
        const size_t size = handoff_header_size(bytes, handoff->received, room, &fault);
        if (fault != handoff_sound)
            return handoff_refuse(calls, handoff, fault);
        if (handoff->received > size)
            return handoff_refuse(calls, handoff, handoff_bytes_behind);
        if (handoff->received == size)
            return handoff_complete;
    }
}

static enum handoff_fault judge(const struct handoff_calls* calls, const struct handoff* handoff,
                                const struct handoff_metadata* metadata) {
    if (metadata->ech != NULL && handoff->larger == NULL)
        return handoff_has_ech;
    if (metadata->ech != NULL && metadata->plaintext != handoff_as_sent)
        return handoff_bad_ech; /* there is no hello any more */
    switch (metadata->plaintext) {
    case handoff_socket_pair:
        return handoff->takes_pairs ? handoff_judge_pair(calls, handoff->client, metadata) : handoff_in_clear;
    case handoff_kernel_tls:
        return handoff->takes_keyed ? handoff_judge_keyed(calls, handoff->client) : handoff_in_clear;
    case handoff_as_sent:
        break;
    }
    return handoff_judge_client(calls, handoff->client);
}

bool handoff_parse(const struct handoff_calls* calls, struct handoff* handoff,
                   struct handoff_metadata* metadata) {
    handoff->fault = handoff_parse_header(header_of(handoff), handoff->received, metadata);
    if (handoff->fault != handoff_sound)
        return false;
    handoff->fault = judge(calls, handoff, metadata);
    return handoff->fault == handoff_sound;
}

bool handoff_acknowledge(int connection) {
    static const unsigned char ack = 0x06;
    return send(connection, &ack, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

bool handoff_let_go(int connection) {
    unsigned char byte;
    const ssize_t n = recv(connection, &byte, 1, MSG_PEEK | MSG_DONTWAIT); /* it may have descriptors */
    /* An error that is not "later" (ECONNRESET) is a router that died: it has no copy either. A byte is more
     * than the protocol has; who says it is not worth waiting for. */
    return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* ask_kind: domain, type, protocol, and whether it listens. */
static bool ask_kind(const struct handoff_calls* calls, int fd, int values[4]) {
    const int options[] = {SO_DOMAIN, SO_TYPE, SO_PROTOCOL, SO_ACCEPTCONN};
    for (size_t i = 0; i < 4; ++i) {
        socklen_t size = sizeof values[i];
        if (calls->getsockopt(fd, SOL_SOCKET, options[i], &values[i], &size) != 0)
            return false;
    }
    return true;
}

/* The addresses can only be the header's. */
enum handoff_fault handoff_judge_pair(const struct handoff_calls* calls, int fd,
                                      const struct handoff_metadata* metadata) {
    int values[4] = {0};
    const bool is_stream = ask_kind(calls, fd, values) && values[0] == AF_UNIX && values[1] == SOCK_STREAM;
    if (!is_stream || metadata->peer.ss_family == AF_UNSPEC)
        return handoff_no_pair;
    return values[3] == 0 ? handoff_sound : handoff_listens;
}

enum handoff_fault handoff_judge_client(const struct handoff_calls* calls, int fd) {
    int values[4] = {0};
    if (!ask_kind(calls, fd, values))
        return handoff_not_tcp;
    const bool internet = values[0] == AF_INET || values[0] == AF_INET6;
    const bool tcp = values[2] == IPPROTO_TCP || values[2] == IPPROTO_MPTCP; /* SCTP has SOCK_STREAM, too */
    if (!internet || !tcp || values[1] != SOCK_STREAM) /* a raw socket can say IPPROTO_TCP */
        return handoff_not_tcp;
    return values[3] == 0 ? handoff_sound : handoff_listens;
}

enum handoff_fault handoff_judge_keyed(const struct handoff_calls* calls, int fd) {
    const enum handoff_fault fault = handoff_judge_client(calls, fd);
    return fault != handoff_sound || kernel_tls_version(calls, fd) != 0 ? fault : handoff_no_keys;
}

void handoff_addresses(const struct handoff_calls* calls, int client, struct handoff_metadata* metadata) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (metadata->plaintext == handoff_socket_pair)
        return;
    if (calls->getpeername(client, (struct sockaddr*)&address, &size) == 0)
        metadata->peer = address;
    size = sizeof address;
    if (calls->getsockname(client, (struct sockaddr*)&address, &size) == 0)
        metadata->local = address;
}

int handoff_receive_one(const struct handoff_calls* calls, int connection) {
    unsigned char byte;
    struct message message;
    message_receive(calls, connection, &byte, 1, 0, &message);
    if (message.size == 1 && message.count == 1 && (message.flags & MSG_CTRUNC) == 0)
        return message_take_one(&message);
    message_close(calls, &message);
    return -1;
}

bool handoff_send_one(const struct handoff_calls* calls, int connection, unsigned char byte, int fd) {
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    const struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    return calls->sendmsg(connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}
