// SPDX-License-Identifier: BSL-1.0
/* The header of a `stream` handoff, from bytes: a PROXY protocol header of version 2. No system call is here.
 */
#pragma once

#include "snipass/handoff/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    handoff_header_max = 1024,      /* what the router promises not to exceed */
    handoff_ech_header_max = 16384, /* the same, towards those who take clients with ECH state */
    handoff_host_name_max = 253,
    handoff_alpn_max = 255,
    handoff_id_size = 16,
    handoff_client_name_max = 256,
};

/* What is said on the client's socket, and by what it is carried: the client's own TCP socket, with or
 * without TLS in it; or, where TLS has ended in a process that stays in the path, one end of a socket pair.
 */
enum handoff_plaintext {
    handoff_as_sent = 0,
    handoff_kernel_tls = 1,
    handoff_socket_pair = 2,
};

/* What header and socket say of a client. */
struct handoff_metadata {
    struct sockaddr_storage peer;              /* the client; AF_UNSPEC: the header does not say */
    struct sockaddr_storage local;             /* the address that it connected to; likewise */
    char host_name[handoff_host_name_max + 1]; /* "": none, or not fit for a log */
    size_t alpn_size;                          /* 0: none */
    unsigned char alpn[handoff_alpn_max];
    bool has_id;
    unsigned char id[handoff_id_size];
    enum handoff_plaintext plaintext;
    bool has_client_name;                          /* it has shown a certificate, and that is good */
    char client_name[handoff_client_name_max + 1]; /* its common name; "": none, or not fit for a log */
    char farewell[sizeof((struct sockaddr_un*)0)->sun_path]; /* see farewell.h; "": nobody takes it */
    /* ECH state (ech_state.h), which has been read: bytes of the header, for as long as they are there. NULL:
     * the client's hello is in its socket as it is meant. */
    const unsigned char* ech;
    size_t ech_size;
};

/* handoff_header_size: how many bytes the header has for certain, judging by the first `size` of them; `most`
 * is how long it may be. 0: it cannot be one, for the reason in *fault. */
size_t handoff_header_size(const unsigned char* bytes, size_t size, size_t most, enum handoff_fault* fault);

/* handoff_parse_header reads a whole header of that size. It takes what the PROXY protocol allows, also where
 * our router would not write it: a header that is LOCAL or of a family other than TCP says nothing of the
 * client, and what is in a TLV that has no use here is left out. */
enum handoff_fault handoff_parse_header(const unsigned char* bytes, size_t size,
                                        struct handoff_metadata* metadata);

#ifdef __cplusplus
}
#endif
