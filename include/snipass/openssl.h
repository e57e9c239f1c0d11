// SPDX-License-Identifier: BSL-1.0
/* For servers with OpenSSL: connects an SSL to a client that libsnipass took, whichever the protocol. With
 * `datagram`, the bytes that came with the client are read first, the socket after them; nothing is read
 * ahead, so an event loop that waits for the socket never waits for bytes that OpenSSL has in its pocket.
 * A client with Encrypted ClientHello (snipass/ech.h) is read through snipass/openssl_ech.h.
 *
 *     SSL* ssl = SSL_new(context);
 *     if (snipass_ssl_set_client(ssl, client) != 1) ...
 *     SSL_accept(ssl);
 *
 * Header only: libsnipass itself knows nothing of OpenSSL. */
/* NOLINTBEGIN(modernize-use-nullptr): it is C, too. */
#ifndef SNIPASS_OPENSSL_H
#define SNIPASS_OPENSSL_H

#include "snipass/openssl_ech.h"
#include "snipass/snipass.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is left of the consumed bytes; they follow it in the same allocation, which goes with the last one. */
struct snipass_replay {
    size_t size, at;
};

static inline int snipass_replay_read(BIO* bio, char* out, int out_size) {
    struct snipass_replay* replay = (struct snipass_replay*)BIO_get_data(bio);
    if (replay != NULL && out_size > 0) {
        const size_t left = replay->size - replay->at;
        const size_t n = left < (size_t)out_size ? left : (size_t)out_size;
        memcpy(out, (const char*)(replay + 1) + replay->at, n);
        replay->at += n;
        if (replay->at == replay->size) {
            OPENSSL_free(replay);
            BIO_set_data(bio, NULL);
        }
        return (int)n;
    }
    const int n = BIO_read(BIO_next(bio), out, out_size);
    BIO_clear_retry_flags(bio);
    BIO_copy_next_retry(bio);
    return n;
}

static inline long snipass_replay_ctrl(BIO* bio, int command, long number, void* pointer) {
    const struct snipass_replay* replay = (const struct snipass_replay*)BIO_get_data(bio);
    if (command == BIO_CTRL_PENDING && replay != NULL)
        return (long)(replay->size - replay->at);
    return BIO_next(bio) != NULL ? BIO_ctrl(BIO_next(bio), command, number, pointer) : 0;
}

static inline int snipass_replay_free(BIO* bio) {
    OPENSSL_free(BIO_get_data(bio));
    BIO_set_data(bio, NULL);
    return 1;
}

/* The method is made once a translation unit and never freed, as OpenSSL's own are. */
static CRYPTO_ONCE snipass_replay_once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD* snipass_replay_method = NULL;

static inline void snipass_replay_make_method(void) {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "snipass replay");
    if (method == NULL)
        return;
    BIO_meth_set_read(method, snipass_replay_read);
    BIO_meth_set_ctrl(method, snipass_replay_ctrl);
    BIO_meth_set_destroy(method, snipass_replay_free);
    snipass_replay_method = method;
}

/* snipass_bio_new is a BIO to read from: `size` bytes first, then the socket. It copies the bytes and borrows
 * the socket. */
static inline BIO* snipass_bio_new(int fd, const void* bytes, size_t size) {
    BIO* socket = BIO_new_socket(fd, BIO_NOCLOSE);
    if (size == 0 || socket == NULL)
        return socket;
    BIO* bio = NULL;
    struct snipass_replay* replay = (struct snipass_replay*)OPENSSL_malloc(sizeof *replay + size);
    if (replay != NULL && CRYPTO_THREAD_run_once(&snipass_replay_once, snipass_replay_make_method) == 1 &&
        snipass_replay_method != NULL)
        bio = BIO_new(snipass_replay_method);
    if (bio == NULL) {
        OPENSSL_free(replay);
        BIO_free(socket);
        return NULL;
    }
    replay->size = size;
    replay->at = 0;
    memcpy(replay + 1, bytes, size);
    BIO_set_data(bio, replay);
    BIO_set_init(bio, 1);
    return BIO_push(bio, socket);
}

/* snipass_ssl_set_ech_client: an OpenSSL that cannot confirm the inner hello is told so here, where the
 * reason can be seen; its clients would only end the handshake. */
static inline int snipass_ssl_set_ech_client(SSL* ssl, snipass_client* client) {
    snipass_ech* ech = SNIPASS_OPENSSL_HAS_ECH ? snipass_ech_new(client, snipass_evp_open) : NULL;
    BIO* bio = ech != NULL ? snipass_ech_bio_new(snipass_client_fd(client), ech) : NULL;
    if (bio == NULL) {
        ERR_raise(ERR_LIB_SSL, SNIPASS_OPENSSL_HAS_ECH ? ERR_R_MALLOC_FAILURE : ERR_R_DISABLED);
        snipass_ech_free(ech);
        return 0;
    }
    SSL_set_bio(ssl, bio, bio);
    return 1;
}

/* snipass_ssl_set_client lets `ssl` read and write the client, whose socket it borrows. 1, or 0 and OpenSSL's
 * error queue: it is out of memory, or too old (before 4.0) for a client with Encrypted ClientHello, which a
 * server takes only if its options say `ech`. */
static inline int snipass_ssl_set_client(SSL* ssl, snipass_client* client) {
    if (snipass_client_has_ech(client))
        return snipass_ssl_set_ech_client(ssl, client);
    size_t size = 0;
    const unsigned char* consumed = snipass_client_consumed(client, &size);
    BIO* reading = snipass_bio_new(snipass_client_fd(client), consumed, size);
    BIO* writing = BIO_new_socket(snipass_client_fd(client), BIO_NOCLOSE);
    if (reading == NULL || writing == NULL) {
        BIO_free_all(reading);
        BIO_free_all(writing);
        return 0;
    }
    SSL_set_bio(ssl, reading, writing);
    return 1;
}

#ifdef __cplusplus
}
#endif

#endif
/* NOLINTEND(modernize-use-nullptr) */
