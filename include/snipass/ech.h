// SPDX-License-Identifier: BSL-1.0
/* libsnipass: clients with Encrypted ClientHello (RFC 9849), without its keys. The router has opened the
 * hello, routed the client by the name inside, and left (`ech = "carried"` in its file). What lies in the
 * socket is still the outer hello; what the TLS library is to read in its place has come with the client.
 *
 *     struct snipass_options options = {.ech = 1};
 *     ...
 *     snipass_ech* ech = snipass_client_has_ech(client) ? snipass_ech_new(client, open) : NULL;
 *     ... n = ech != NULL ? snipass_ech_recv(ech, fd, bytes, size) : recv(fd, bytes, size, 0);
 *     ... n = send(fd, bytes, size, 0); if (ech != NULL && n > 0) snipass_ech_sent(ech, bytes, n);
 *
 * So it lies under a TLS library as its read and write functions: snipass/openssl.h does that for OpenSSL,
 * examples/nss_backend.c for NSS. The library must be one that can be the backend of split mode, which is to
 * say that it confirms the inner hello (RFC 9849, section 7.2): OpenSSL from 4.0 on, NSS with
 * SSL_EnableTls13BackendEch, Go from 1.24 on. Another one, OpenSSL 3 among them, answers, and the client ends
 * the handshake.
 *
 * A snipass_ech has a key of this one connection until the server has answered, at most until the hello
 * behind its HelloRetryRequest has come. It belongs to one thread at a time. */
#ifndef SNIPASS_ECH_H
#define SNIPASS_ECH_H

#include "snipass/snipass.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct snipass_ech snipass_ech;

/* What is asked of a cryptographic library, once for each connection at most: to open `in`, whose last 16
 * bytes are the tag, into `out`, which has room for the others. `aead` is 1 AES-128-GCM, 2 AES-256-GCM, 3
 * ChaCha20-Poly1305, the key 16, 32 or 32 bytes, the nonce 12. 1; 0: it is not authentic, or cannot be tried.
 */
typedef int (*snipass_aead_open)(uint16_t aead, const unsigned char* key, const unsigned char* nonce,
                                 const unsigned char* aad, size_t aad_size, const unsigned char* in,
                                 size_t in_size, unsigned char* out);

/* snipass_client_has_ech: not 0, this client can be served through a snipass_ech only. */
SNIPASS_API int snipass_client_has_ech(const snipass_client* client);

/* snipass_ech_new takes what came with the client: it can be asked for once. NULL: errno is EINVAL (there is
 * none) or ENOMEM. */
SNIPASS_API snipass_ech* snipass_ech_new(snipass_client* client, snipass_aead_open open);
SNIPASS_API void snipass_ech_free(snipass_ech* ech); /* NULL is allowed. It wipes the key */

/* snipass_ech_recv is recv(2) without flags, of what the TLS library is to read: of that only, and not a byte
 * ahead. It waits if the socket blocks. -1 and errno: recv's own, or EPROTO, for good: the client's second
 * hello is none, snipass_ech_why says why, and snipass_ech_alert what to tell the client. */
SNIPASS_API ssize_t snipass_ech_recv(snipass_ech* ech, int fd, void* bytes, size_t size);

/* snipass_ech_sent is told what the server has sent, each byte once and in order, before the next
 * snipass_ech_recv. It looks at the start of the first record: a HelloRetryRequest, or not. */
SNIPASS_API void snipass_ech_sent(snipass_ech* ech, const void* bytes, size_t size);

/* snipass_ech_is_over: not 0, what is in the socket is what the library is to read. A server may go on
 * without the snipass_ech then. */
SNIPASS_API int snipass_ech_is_over(const snipass_ech* ech);

/* snipass_ech_why is why it has failed, in a sentence for a log; NULL: it has not. */
SNIPASS_API const char* snipass_ech_why(const snipass_ech* ech);

/* snipass_ech_alert writes the record that tells the client so, 7 bytes, to be sent as it is before the
 * connection is closed. 0: it has not failed. */
enum {
    SNIPASS_ECH_ALERT_SIZE = 7
};
SNIPASS_API size_t snipass_ech_alert(const snipass_ech* ech, unsigned char* alert);

/* --- the same without system calls, for whoever reads the socket in a way of its own --- */

/* snipass_ech_wants: so many bytes at most are to be read and given now. 0: take what is ready, or it is
 * over, or it has failed. */
SNIPASS_API size_t snipass_ech_wants(const snipass_ech* ech);
SNIPASS_API void snipass_ech_give(snipass_ech* ech, const void* bytes, size_t size);

/* snipass_ech_take is what the TLS library reads; 0: nothing is ready. */
SNIPASS_API size_t snipass_ech_take(snipass_ech* ech, void* bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif
