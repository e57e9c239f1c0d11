// SPDX-License-Identifier: BSL-1.0
/* The receiving end of `stream` (docs/handoff.md), as steps that never wait: what libsnipass, the preload
 * library and the router's reception share. One step is one system call, or a few that belong together;
 * whoever calls decides how long to wait for the next. The order: handoff_judge_peer (sender.h), handoff_read
 * until it is complete, handoff_parse, handoff_acknowledge, handoff_let_go. */
#pragma once

#include "snipass/handoff/calls.h"
#include "snipass/handoff/header.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One handoff on its way in. Owns the descriptor that came with it, and not the larger room. */
struct handoff {
    int client;               /* -1: has not come */
    bool takes_pairs;         /* also clients whose TLS has ended elsewhere, by one end of a socket pair */
    bool takes_keyed;         /* also those whose TLS the kernel speaks (kernel_tls.h) */
    enum handoff_fault fault; /* why it was refused */
    size_t received;
    unsigned char bytes[handoff_header_max];
    /* Of handoff_ech_header_max, in place of `bytes`: clients with ECH state are taken, too. */
    unsigned char* larger;
};

enum handoff_progress {
    handoff_complete,
    handoff_wants_more, /* nothing to read now */
    handoff_ended,      /* closed before its first byte: somebody looked whether we are there */
    handoff_refused,    /* not what docs/handoff.md says; close the connection */
    handoff_no_room, /* this process may not have more descriptors: the client was not delivered (EMFILE) */
};

/* handoff_init: whoever takes more than clients that speak TLS themselves says so afterwards. */
void handoff_init(struct handoff* handoff);

/* handoff_drop closes the client, untouched, if there is one: it may be somebody else's by now. */
void handoff_drop(const struct handoff_calls* calls, struct handoff* handoff);

/* handoff_release gives the client away: the caller closes it. */
int handoff_release(struct handoff* handoff);

/* handoff_reserve takes a descriptor's number, to be closed directly before handoff_read: accepting a
 * connection takes one, the client that comes over it a second one, and what cannot be delivered is lost to
 * this process. So who has only one left does not accept. -1: EMFILE. */
int handoff_reserve(int any_fd);

/* handoff_read reads what is there. Anything but complete and wants_more has dropped the handoff. */
enum handoff_progress handoff_read(const struct handoff_calls* calls, struct handoff* handoff,
                                   int connection);

/* handoff_parse reads a complete header, and checks that the descriptor is a client's. False: handoff->fault
 * says why not. */
bool handoff_parse(const struct handoff_calls* calls, struct handoff* handoff,
                   struct handoff_metadata* metadata);

/* handoff_acknowledge says "the client is mine". False: the router has taken it back; drop it. */
bool handoff_acknowledge(int connection);

/* handoff_let_go: the router has closed its copy of an acknowledged client. Does not wait. */
bool handoff_let_go(int connection);

/* handoff_judge_client: a client is a TCP socket that does not listen. One that is not connected (any more)
 * has gone: refused, it would be offered to every other address first. */
enum handoff_fault handoff_judge_client(const struct handoff_calls* calls, int fd);

/* handoff_judge_pair: of a client whose header says so, the descriptor is a connected unix stream socket. */
enum handoff_fault handoff_judge_pair(const struct handoff_calls* calls, int fd,
                                      const struct handoff_metadata* metadata);

/* handoff_judge_keyed: of a client whose header says so, the kernel has the keys both ways. What the header
 * does not say is not asked: it would cost a call for each client, and such a client fails at its handshake.
 */
enum handoff_fault handoff_judge_keyed(const struct handoff_calls* calls, int fd);

/* handoff_addresses replaces peer and local by what the socket itself says: where the two disagree, it is
 * right. A socket pair says nothing. A client that is gone has no peer any more; then the header's word
 * stands. */
void handoff_addresses(const struct handoff_calls* calls, int client, struct handoff_metadata* metadata);

/* handoff_receive_one receives one byte and the one descriptor that comes with it. -1: not exactly that came.
 */
int handoff_receive_one(const struct handoff_calls* calls, int connection);

/* handoff_send_one is the other end of it. Does not wait. */
bool handoff_send_one(const struct handoff_calls* calls, int connection, unsigned char byte, int fd);

#ifdef __cplusplus
}
#endif
