// SPDX-License-Identifier: BSL-1.0
/* The receiving end of docs/handoff.md, as steps that never wait: what the library and the preload library
 * share. One step is one system call or none; whoever calls decides how long to wait for the next. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

enum {
    handoff_header_max = 1024, /* what the router promises not to exceed */
    handoff_host_name_max = 253,
    handoff_alpn_max = 255,
    handoff_id_size = 16,
};

/* One `stream` handoff on its way in. Owns the descriptors that came with it. */
struct handoff {
    int client; /* -1: has not come */
    size_t received;
    unsigned char bytes[handoff_header_max];
};

enum handoff_progress {
    handoff_complete,
    handoff_wants_more, /* nothing to read now */
    handoff_ended,      /* closed before its first byte: somebody looked whether we are there */
    handoff_refused,    /* not what docs/handoff.md says; close the connection */
    handoff_no_room, /* this process may not have more descriptors: the client could not be delivered (EMFILE)
                      */
};

/* What the header and the socket say of a client. */
struct handoff_metadata {
    struct sockaddr_storage peer;              /* the client */
    struct sockaddr_storage local;             /* the address that it connected to */
    char host_name[handoff_host_name_max + 1]; /* "": none */
    size_t alpn_size;                          /* 0: none */
    unsigned char alpn[handoff_alpn_max];
    bool has_id;
    unsigned char id[handoff_id_size];
};

void handoff_init(struct handoff* handoff);

/* handoff_drop closes the client, untouched, if there is one. */
void handoff_drop(struct handoff* handoff);

/* handoff_release gives the client away: the caller closes it. */
int handoff_release(struct handoff* handoff);

/* handoff_reserve takes a descriptor's number, to be closed directly before handoff_read: accepting a
 * connection takes one, the client that comes over it a second one, and what cannot be delivered is lost to
 * this process. So who has only one left does not accept. -1: EMFILE. */
int handoff_reserve(int any_fd);

/* handoff_read reads what is there. Anything but complete and wants_more has dropped the handoff. */
enum handoff_progress handoff_read(struct handoff* handoff, int connection);

/* handoff_parse reads a complete header, and checks that the descriptor is a client's. False: a lie. */
bool handoff_parse(const struct handoff* handoff, struct handoff_metadata* metadata);

/* handoff_credentials_allowed: root, this process's effective user, or one of `allowed`. Never one whom the
 * kernel does not know: it says that process 0 of the user 65534 sent a datagram for which it kept no
 * credentials, and so does it of users of whom this user namespace has no number. */
bool handoff_credentials_allowed(struct ucred sender, const uid_t* allowed, size_t count);

/* handoff_sender_allowed asks that of the process that connected `connection`. */
bool handoff_sender_allowed(int connection, const uid_t* allowed, size_t count);

/* handoff_acknowledge says "the client is mine". False: the router has taken it back; drop it. */
bool handoff_acknowledge(int connection);

/* handoff_let_go: the router has closed its copy of an acknowledged client. Does not wait. */
bool handoff_let_go(int connection);

/* handoff_receive_message is one recvmsg() that adopts every descriptor that comes along. Returns the number
 * of bytes or -1. *client gets the one descriptor; *count says how many there were, all but the first of them
 * closed. *flags: in, MSG_PEEK or 0, and a descriptor that is peeked at is one more copy; out, msg_flags. */
ssize_t handoff_receive_message(int fd, void* bytes, size_t size, int* client, size_t* count,
                                struct ucred* sender, int* flags);

/* handoff_is_client: a TCP socket that does not listen. One that is not connected (any more) is a client that
 * has gone: refused, it would be offered to every other address first. */
bool handoff_is_client(int fd);

/* handoff_addresses replaces peer and local by what the socket itself says: where the two disagree, it is
 * right. A client that is gone has no peer any more; then the header's word stands. */
void handoff_addresses(int client, struct handoff_metadata* metadata);
