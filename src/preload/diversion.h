// SPDX-License-Identifier: BSL-1.0
/* An IPv4 and an IPv6 listener on one port are two to their server, which may choose a site by them (nginx).
 * The router connects to one of them, the source. What comes there for a client of the other family is passed
 * on to the other listener, the diversion, unread and not acknowledged, over a name that only this library
 * knows: so the kernel wakes whoever waits there, in whatever process, and until it has accepted, the client
 * is the router's. */
#pragma once

#include "listeners.h"

/* diversion_open is the listener that `source` passes on to. -1 and errno. */
int diversion_open(const struct listener* source);

/* diversion_wake: who waits at the diversion of `source`, in a call that began before its number became
 * another socket's, gets nothing, and comes again. */
void diversion_wake(const struct listener* source);

enum diversion_result {
    diversion_not,  /* the client is for this listener, or nobody can say */
    diversion_wait, /* nothing is there yet to tell by */
    diversion_gone, /* to the other listener, or it has no room: then the router offers the client again */
};

/* diversion_pass_on looks at what is there of the header. The caller closes its copy of what is gone. */
enum diversion_result diversion_pass_on(const struct listener* listener, int connection);

/* diversion_receive takes over `connection`, accepted from a diversion: the router's, or -1. */
int diversion_receive(int connection);
