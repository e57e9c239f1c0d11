// SPDX-License-Identifier: BSL-1.0
/* See handoff.h. The order of the checks is the order of the bytes in docs/handoff.md. */
#include "handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef SCM_PIDFD /* glibc before 2.39 */
#define SCM_PIDFD 0x04
#endif

enum {
    fixed_size = 16, /* signature, version and command, family, length */
    v4_size = 12,
    v6_size = 36,
    tlv_alpn = 0x01,
    tlv_authority = 0x02,
    tlv_unique_id = 0x05,
    overflow_user = 65534, /* user_namespaces(7) */
    control_descriptors =
        16, /* room for more than one, so that too many is told from a process that is full */
};

static const unsigned char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

void handoff_init(struct handoff* handoff) {
    handoff->client = -1;
    handoff->received = 0;
}

void handoff_drop(struct handoff* handoff) {
    if (handoff->client >= 0)
        close(handoff->client);
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

/* adopt owns every descriptor of one control message before anything is judged: what is not adopted leaks. */
static void adopt(const struct cmsghdr* message, int* client, size_t* count) {
    const unsigned char* data = CMSG_DATA(message);
    const size_t size = message->cmsg_len - CMSG_LEN(0);
    for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
        int fd = -1;
        memcpy(&fd, data + at, sizeof fd);
        if (*client < 0 && *count == 0)
            *client = fd;
        else
            close(fd);
        ++*count;
    }
}

/* close_added: where SO_PASSPIDFD is set, the kernel adds a descriptor of the sender's process. */
static void close_added(const struct cmsghdr* message) {
    int fd = -1; /* an error's number, where there was no room for it */
    memcpy(&fd, CMSG_DATA(message), sizeof fd);
    if (fd >= 0)
        close(fd);
}

ssize_t handoff_receive_message(int fd, void* bytes, size_t size, int* client, size_t* count,
                                struct ucred* sender, int* flags) {
    const int wanted = *flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(control_descriptors * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred)) +
                   CMSG_SPACE(sizeof(int))]; /* SCM_PIDFD */
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n;
    do
        n = recvmsg(fd, &message, wanted);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    for (struct cmsghdr* c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_RIGHTS)
            adopt(c, client, count);
        if (c->cmsg_type == SCM_PIDFD)
            close_added(c);
        if (c->cmsg_type == SCM_CREDENTIALS && sender != NULL)
            memcpy(sender, CMSG_DATA(c), sizeof *sender);
    }
    *flags = message.msg_flags;
    return n;
}

/* expected_size is how many bytes the header has for certain: 0 if what is there cannot be one. */
static size_t expected_size(const struct handoff* handoff) {
    const size_t compared = handoff->received < sizeof signature ? handoff->received : sizeof signature;
    if (memcmp(handoff->bytes, signature, compared) != 0)
        return 0;
    if (handoff->received < fixed_size)
        return fixed_size;
    const size_t size = fixed_size + (size_t)handoff->bytes[14] * 256 + handoff->bytes[15];
    return size <= sizeof handoff->bytes ? size : 0;
}

static enum handoff_progress drop(struct handoff* handoff, enum handoff_progress why) {
    handoff_drop(handoff);
    return why;
}

/* is_full: a descriptor may be lost for other reasons; a security module can refuse it. */
static bool is_full(int any_fd) {
    const int reserved = handoff_reserve(any_fd);
    if (reserved >= 0)
        close(reserved);
    return reserved < 0;
}

enum handoff_progress handoff_read(struct handoff* handoff, int connection) {
    for (;;) {
        size_t count = handoff->client >= 0 ? 1 : 0;
        int flags = 0;
        const ssize_t n = handoff_receive_message(connection, handoff->bytes + handoff->received,
                                                  sizeof handoff->bytes - handoff->received, &handoff->client,
                                                  &count, NULL, &flags);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return handoff_wants_more;
        if (n <= 0)
            return drop(handoff, handoff->received == 0 ? handoff_ended : handoff_refused);
        if ((flags & MSG_CTRUNC) != 0 && count == 0)
            return drop(handoff, is_full(connection) ? handoff_no_room : handoff_refused);
        /* The descriptor travels on the first byte or not at all. */
        if ((flags & (MSG_CTRUNC | MSG_TRUNC)) != 0 || count != 1)
            return drop(handoff, handoff_refused);
        handoff->received += (size_t)n;
        const size_t size = expected_size(handoff);
        if (size == 0 || handoff->received > size)
            return drop(handoff, handoff_refused);
        if (handoff->received == size)
            return handoff_complete;
    }
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
    if (size == 0 || size > handoff_host_name_max)
        return false;
    for (size_t i = 0; i < size; ++i) {
        const unsigned char c = text[i];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

/* parse_tlv: each type that is known comes once. */
static bool parse_tlv(unsigned type, const unsigned char* value, size_t size,
                      struct handoff_metadata* metadata) {
    if (type == tlv_authority) {
        if (metadata->host_name[0] != '\0' || !is_host_name(value, size))
            return false;
        memcpy(metadata->host_name, value, size);
        metadata->host_name[size] = '\0';
    } else if (type == tlv_alpn) {
        if (metadata->alpn_size != 0 || size == 0 || size > handoff_alpn_max)
            return false;
        memcpy(metadata->alpn, value, size);
        metadata->alpn_size = size;
    } else if (type == tlv_unique_id) {
        if (metadata->has_id || size != handoff_id_size)
            return false;
        memcpy(metadata->id, value, size);
        metadata->has_id = true;
    }
    return true;
}

bool handoff_parse(const struct handoff* handoff, struct handoff_metadata* metadata) {
    memset(metadata, 0, sizeof *metadata);
    const unsigned char* const bytes = handoff->bytes;
    const bool v6 = bytes[13] == 0x21;
    const size_t tlvs = fixed_size + (v6 ? v6_size : v4_size);
    if (bytes[12] != 0x21 || (!v6 && bytes[13] != 0x11) || handoff->received < tlvs)
        return false;
    parse_addresses(bytes + fixed_size, v6, metadata);
    for (size_t at = tlvs; at < handoff->received;) {
        const size_t left = handoff->received - at;
        if (left < 3)
            return false;
        const size_t size = (size_t)bytes[at + 1] * 256 + bytes[at + 2];
        if (size > left - 3 || !parse_tlv(bytes[at], bytes + at + 3, size, metadata))
            return false;
        at += 3 + size;
    }
    return handoff_is_client(handoff->client);
}

bool handoff_is_client(int fd) {
    const int options[] = {SO_DOMAIN, SO_TYPE, SO_PROTOCOL, SO_ACCEPTCONN};
    int values[4] = {0};
    for (size_t i = 0; i < 4; ++i) {
        socklen_t size = sizeof values[i];
        if (getsockopt(fd, SOL_SOCKET, options[i], &values[i], &size) != 0)
            return false;
    }
    const bool internet = values[0] == AF_INET || values[0] == AF_INET6;
    const bool tcp = values[2] == IPPROTO_TCP || values[2] == IPPROTO_MPTCP; /* SCTP has SOCK_STREAM, too */
    return internet && values[1] == SOCK_STREAM && tcp && values[3] == 0;
}

void handoff_addresses(int client, struct handoff_metadata* metadata) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getpeername(client, (struct sockaddr*)&address, &size) == 0)
        metadata->peer = address;
    size = sizeof address;
    if (getsockname(client, (struct sockaddr*)&address, &size) == 0)
        metadata->local = address;
}

/* knows_all_users: this process is in no user namespace that has a number for some users only. Without /proc
 * nobody can say. */
static bool knows_all_users(void) {
    char text[64] = "";
    const int file = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    const ssize_t size = file >= 0 ? read(file, text, sizeof text - 1) : -1;
    if (file >= 0)
        close(file);
    unsigned first = 0, outside = 0, count = 0;
    return size <= 0 || (sscanf(text, "%u %u %u", &first, &outside, &count) == 3 && first == outside &&
                         count == UINT32_MAX);
}

bool handoff_credentials_allowed(struct ucred sender, const uid_t* allowed, size_t count) {
    if (sender.uid == overflow_user && (sender.pid == 0 || !knows_all_users()))
        return false;
    if (sender.uid == 0 || sender.uid == geteuid())
        return true;
    for (size_t i = 0; i < count; ++i)
        if (sender.uid == allowed[i])
            return true;
    return false;
}

bool handoff_sender_allowed(int connection, const uid_t* allowed, size_t count) {
    struct ucred sender;
    socklen_t size = sizeof sender;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &sender, &size) != 0)
        return false;
    return handoff_credentials_allowed(sender, allowed, count);
}

bool handoff_acknowledge(int connection) {
    static const unsigned char ack = 0x06;
    return send(connection, &ack, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

bool handoff_let_go(int connection) {
    unsigned char byte;
    const ssize_t n = recv(connection, &byte, 1, MSG_DONTWAIT);
    /* An error that is not "later" (ECONNRESET) is a router that died: it has no copy either. A byte is more
     * than the protocol has; who says it is not worth waiting for. */
    return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}
