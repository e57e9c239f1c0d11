// SPDX-License-Identifier: BSL-1.0
/* See kernel_tls.h. */
#include "snipass/handoff/kernel_tls.h"

#include "snipass/handoff/farewell.h"

#include <errno.h>
#include <linux/tls.h>
#include <poll.h>
#include <string.h>

enum {
    alert = 21, /* types of records */
    handshake = 22,
    warning = 1, /* levels of alerts */
    fatal = 2,
    close_notify = 0, /* alerts */
    unexpected_message = 10,
    internal_error = 80,
    user_canceled = 90,
    no_renegotiation = 100,
    client_hello = 1, /* messages of the handshake */
    key_update = 24,
    message_head = 4,    /* type and length of one */
    message_max = 16384, /* of one that is read away */
    piece = 256,
    max_left = 8, /* records that are read away at a close */
};

/* version_of one direction. The kernel gives no key to whoever has room for the version and cipher alone. */
static unsigned version_of(const struct handoff_calls* calls, int fd, int direction) {
    struct tls_crypto_info info = {0};
    socklen_t size = sizeof info;
    return calls->getsockopt(fd, SOL_TLS, direction, &info, &size) == 0 ? info.version : 0;
}

unsigned kernel_tls_version(const struct handoff_calls* calls, int fd) {
    const int error = errno;
    const unsigned version = version_of(calls, fd, TLS_RX);
    const unsigned result = version != 0 && version_of(calls, fd, TLS_TX) == version ? version : 0;
    errno = error;
    return result;
}

bool kernel_tls_may_explain(int error) {
    return error == EIO || error == EBADMSG || error == EINVAL || error == EMSGSIZE;
}

unsigned char kernel_tls_type_of(const struct msghdr* message) {
    struct msghdr* const header = (struct msghdr*)(size_t)message; /* CMSG_NXTHDR(3) only reads */
    for (struct cmsghdr* c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c))
        if (c->cmsg_level == SOL_TLS && c->cmsg_type == TLS_GET_RECORD_TYPE)
            return *CMSG_DATA(c);
    return 0;
}

/* receive is one recvmsg(2) that does not wait, with the type of what came. */
static ssize_t receive(const struct handoff_calls* calls, int fd, void* bytes, size_t size, int flags,
                       unsigned char* type) {
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(sizeof(unsigned char))];
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    const ssize_t n = calls->recvmsg(fd, &message, flags | MSG_DONTWAIT);
    *type = n > 0 ? kernel_tls_type_of(&message) : 0;
    return n;
}

/* say sends an alert. False: errno says why not. */
static bool say(const struct handoff_calls* calls, int fd, unsigned char level, unsigned char what) {
    unsigned char bytes[2] = {level, what};
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(sizeof(unsigned char))];
    } control = {0};
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
    const struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr* type = CMSG_FIRSTHDR(&message);
    type->cmsg_level = SOL_TLS;
    type->cmsg_type = TLS_SET_RECORD_TYPE;
    type->cmsg_len = CMSG_LEN(sizeof(unsigned char));
    *CMSG_DATA(type) = alert;
    return calls->sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof bytes;
}

/* --- what came --- */

/* take reads `size` bytes away that are of that type. False: they are not all there. */
static bool take(const struct handoff_calls* calls, int fd, unsigned char type, size_t size) {
    unsigned char bytes[piece], found;
    while (size > 0) {
        const ssize_t n = receive(calls, fd, bytes, size < piece ? size : piece, 0, &found);
        if (n <= 0 || found != type)
            return false;
        size -= (size_t)n;
    }
    return true;
}

/* take_rest of the record, as far as its start goes. */
static bool take_rest(const struct handoff_calls* calls, int fd, const struct kernel_tls_record* record) {
    return record->taken >= record->size || take(calls, fd, record->type, record->size - record->taken);
}

static enum kernel_tls_event break_off(const struct handoff_calls* calls, int fd,
                                       const struct kernel_tls_record* record, unsigned char why) {
    (void)take_rest(calls, fd, record);
    (void)say(calls, fd, fatal, why);
    return kernel_tls_reset;
}

/* is_harmless: TLS 1.3 has one alert that a connection outlives, whatever their levels say. */
static bool is_harmless(unsigned version, const unsigned char* bytes) {
    return version == kernel_tls_1_3 ? bytes[1] == user_canceled : bytes[0] == warning;
}

static enum kernel_tls_event hear_alert(const struct handoff_calls* calls, int fd, unsigned version,
                                        const struct kernel_tls_record* record) {
    if (record->size != 2)
        return break_off(calls, fd, record, unexpected_message);
    if (!take_rest(calls, fd, record))
        return kernel_tls_again; /* another thread has */
    if (record->start[1] == close_notify) {
        (void)calls->shutdown(fd, SHUT_RD); /* or a second read would wait for the FIN */
        return kernel_tls_end;
    }
    return is_harmless(version, record->start) ? kernel_tls_again : kernel_tls_reset;
}

/* refuse_renegotiation of TLS 1.2: the ClientHello is read away, and the client goes on without. */
static enum kernel_tls_event refuse_renegotiation(const struct handoff_calls* calls, int fd,
                                                  const struct kernel_tls_record* record) {
    const unsigned char* start = record->start;
    const size_t size = message_head + ((size_t)start[1] << 16 | (size_t)start[2] << 8 | (size_t)start[3]);
    if (size > message_max || record->taken > size)
        return break_off(calls, fd, record, unexpected_message);
    if (!take(calls, fd, handshake, size - record->taken) || !say(calls, fd, warning, no_renegotiation))
        return kernel_tls_reset;
    return kernel_tls_again;
}

static enum kernel_tls_event hear(const struct handoff_calls* calls, int fd, unsigned version,
                                  const struct kernel_tls_record* record) {
    if (record->type == alert)
        return hear_alert(calls, fd, version, record);
    if (record->type != handshake || record->size < message_head)
        return break_off(calls, fd, record, unexpected_message);
    if (version == kernel_tls_1_2 && record->start[0] == client_hello)
        return refuse_renegotiation(calls, fd, record);
    /* New keys are made of a secret that only snipass-tls had, and the kernel takes none. It is our fault. */
    const bool is_ours = version == kernel_tls_1_3 && record->start[0] == key_update;
    return break_off(calls, fd, record, is_ours ? internal_error : unexpected_message);
}

/* look at the record at the head without taking it. False: no record is there but data. */
static bool look(const struct handoff_calls* calls, int fd, struct kernel_tls_record* record, ssize_t* n) {
    record->taken = 0;
    *n = receive(calls, fd, record->start, sizeof record->start, MSG_PEEK, &record->type);
    record->size = *n > 0 ? (size_t)*n : 0;
    return *n > 0 && record->type != 0 && record->type != kernel_tls_data;
}

enum kernel_tls_event kernel_tls_after_read(const struct handoff_calls* calls, int fd, int error) {
    const int before = errno;
    const unsigned version = kernel_tls_may_explain(error) ? kernel_tls_version(calls, fd) : 0;
    struct kernel_tls_record record;
    ssize_t n = 0;
    enum kernel_tls_event event = kernel_tls_no_part;
    if (version != 0 && error != EIO)
        event = kernel_tls_reset; /* a record that is none, or forged */
    else if (version != 0 && look(calls, fd, &record, &n))
        event = hear(calls, fd, version, &record);
    else if (version != 0)
        event = n >= 0 || errno == EAGAIN ? kernel_tls_again : kernel_tls_reset;
    errno = before;
    return event;
}

enum kernel_tls_event kernel_tls_after_record(const struct handoff_calls* calls, int fd,
                                              const struct kernel_tls_record* record) {
    const int before = errno;
    const enum kernel_tls_event event = hear(calls, fd, kernel_tls_version(calls, fd), record);
    errno = before;
    return event;
}

/* --- the end --- */

/* has_room: a third of the buffer is free, or there is nothing to wait for any more. */
static bool has_room(int fd) {
    struct pollfd asked = {.fd = fd, .events = POLLOUT};
    return poll(&asked, 1, 0) == 1;
}

/* A record that was accepted may wait outside of TCP's queue, behind one that had no room in it, and FIN
 * overtakes both. That cannot be asked for; but whoever finds room before and behind has all in the queue. */
bool kernel_tls_say_end(const struct handoff_calls* calls, int fd) {
    const bool had_room = has_room(fd);
    if (had_room && !say(calls, fd, warning, close_notify))
        return false;
    if (had_room && has_room(fd))
        return true;
    errno = EAGAIN;
    return false;
}

/* say_end: close_notify is said, or somebody else sees to it: *is_given. */
static void say_end(const struct handoff_calls* calls, int fd, const char* farewell, bool* is_given) {
    *is_given = !kernel_tls_say_end(calls, fd) && errno == EAGAIN && handoff_farewell(calls, farewell, fd);
}

int kernel_tls_shutdown(const struct handoff_calls* calls, int fd, int how, const char* farewell) {
    const int before = errno;
    bool is_given = false;
    if (how != SHUT_RD)
        say_end(calls, fd, farewell, &is_given);
    errno = before;
    if (!is_given)
        return calls->shutdown(fd, how);
    return how == SHUT_RDWR ? calls->shutdown(fd, SHUT_RD) : 0;
}

static bool wants_reset(const struct handoff_calls* calls, int fd) {
    struct linger linger = {0};
    socklen_t size = sizeof linger;
    return calls->getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 && linger.l_onoff != 0 &&
           linger.l_linger == 0;
}

/* take_alerts: data that nobody has read make of a close a reset, as with TCP; an alert must not. */
static void take_alerts(const struct handoff_calls* calls, int fd) {
    struct kernel_tls_record record;
    ssize_t n;
    for (int i = 0; i < max_left && look(calls, fd, &record, &n) && record.type == alert; ++i)
        if (!take_rest(calls, fd, &record))
            return;
}

void kernel_tls_before_close(const struct handoff_calls* calls, int fd, const char* farewell,
                             bool has_ended) {
    const int before = errno;
    bool is_given = false;
    if (!wants_reset(calls, fd)) {
        take_alerts(calls, fd);
        if (!has_ended)
            say_end(calls, fd, farewell, &is_given);
    }
    errno = before;
}
