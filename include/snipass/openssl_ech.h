// SPDX-License-Identifier: BSL-1.0
/* For servers with OpenSSL: clients with Encrypted ClientHello that libsnipass took (snipass/ech.h), as a BIO
 * between an SSL and the client's socket. snipass/openssl.h uses it where a client has such a hello.
 *
 * The SSL must confirm the inner hello (RFC 9849, section 7.2), which OpenSSL does from 4.0 on, without any
 * key. Header only, like snipass/openssl.h. */
/* NOLINTBEGIN(modernize-use-nullptr): it is C, too. */
#ifndef SNIPASS_OPENSSL_ECH_H
#define SNIPASS_OPENSSL_ECH_H

#include "snipass/ech.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether this OpenSSL can be the backend of split mode. */
enum {
    SNIPASS_OPENSSL_HAS_ECH = OPENSSL_VERSION_NUMBER >= 0x40000000L
};

/* snipass_evp_open is a snipass_aead_open. */
static inline int snipass_evp_open(uint16_t aead, const unsigned char* key, const unsigned char* nonce,
                                   const unsigned char* aad, size_t aad_size, const unsigned char* in,
                                   size_t in_size, unsigned char* out) {
    enum {
        nonce_size = 12,
        tag_size = 16
    };
    const EVP_CIPHER* cipher = aead == 1   ? EVP_aes_128_gcm()
                               : aead == 2 ? EVP_aes_256_gcm()
                               : aead == 3 ? EVP_chacha20_poly1305()
                                           : NULL;
    EVP_CIPHER_CTX* context = cipher != NULL && in_size >= tag_size ? EVP_CIPHER_CTX_new() : NULL;
    if (context == NULL)
        return 0;
    const size_t size = in_size - tag_size;
    int n = 0;
    const int opened =
        EVP_DecryptInit_ex(context, cipher, NULL, NULL, NULL) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, nonce_size, NULL) == 1 &&
        EVP_DecryptInit_ex(context, NULL, NULL, key, nonce) == 1 &&
        EVP_DecryptUpdate(context, NULL, &n, aad, (int)aad_size) == 1 &&
        EVP_DecryptUpdate(context, out, &n, in, (int)size) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size, (void*)(in + size)) == 1 &&
        EVP_DecryptFinal_ex(context, out + size, &n) == 1;
    EVP_CIPHER_CTX_free(context);
    return opened;
}

static inline int snipass_ech_bio_socket(BIO* bio) {
    int fd = -1;
    (void)BIO_get_fd(BIO_next(bio), &fd);
    return fd;
}

static inline int snipass_ech_bio_read(BIO* bio, char* out, int out_size) {
    snipass_ech* ech = (snipass_ech*)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (out_size <= 0)
        return 0;
    const int fd = snipass_ech_bio_socket(bio);
    const ssize_t n = snipass_ech_recv(ech, fd, out, (size_t)out_size);
    if (n >= 0)
        return (int)n;
    const int error = errno;
    unsigned char alert[SNIPASS_ECH_ALERT_SIZE];
    if (error == EPROTO && snipass_ech_alert(ech, alert) == sizeof alert)
        (void)send(fd, alert, sizeof alert, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (error != EPROTO && BIO_sock_should_retry((int)n)) /* to OpenSSL that one may pass */
        BIO_set_retry_read(bio);
    errno = error;
    return -1;
}

static inline int snipass_ech_bio_write(BIO* bio, const char* bytes, int size) {
    const int n = BIO_write(BIO_next(bio), bytes, size);
    BIO_clear_retry_flags(bio);
    BIO_copy_next_retry(bio);
    if (n > 0)
        snipass_ech_sent((snipass_ech*)BIO_get_data(bio), bytes, (size_t)n);
    return n;
}

/* Of what is ready nothing is pending in OpenSSL's sense: it is read without waiting, and the socket is not
 * asked before that. */
static inline long snipass_ech_bio_ctrl(BIO* bio, int command, long number, void* pointer) {
    return BIO_next(bio) != NULL ? BIO_ctrl(BIO_next(bio), command, number, pointer) : 0;
}

static inline int snipass_ech_bio_free(BIO* bio) {
    snipass_ech_free((snipass_ech*)BIO_get_data(bio));
    BIO_set_data(bio, NULL);
    return 1;
}

/* The method is made once a translation unit and never freed, as OpenSSL's own are. */
static CRYPTO_ONCE snipass_ech_bio_once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD* snipass_ech_bio_method = NULL;

static inline void snipass_ech_bio_make_method(void) {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "snipass ECH");
    if (method == NULL)
        return;
    BIO_meth_set_read(method, snipass_ech_bio_read);
    BIO_meth_set_write(method, snipass_ech_bio_write);
    BIO_meth_set_ctrl(method, snipass_ech_bio_ctrl);
    BIO_meth_set_destroy(method, snipass_ech_bio_free);
    snipass_ech_bio_method = method;
}

/* snipass_ech_bio_new is a BIO to read from and to write to, for SSL_set_bio(ssl, bio, bio). It owns `ech`,
 * and borrows the socket. NULL: `ech` is the caller's still. */
static inline BIO* snipass_ech_bio_new(int fd, snipass_ech* ech) {
    if (CRYPTO_THREAD_run_once(&snipass_ech_bio_once, snipass_ech_bio_make_method) != 1 ||
        snipass_ech_bio_method == NULL)
        return NULL;
    BIO* socket = BIO_new_socket(fd, BIO_NOCLOSE);
    BIO* bio = socket != NULL ? BIO_new(snipass_ech_bio_method) : NULL;
    if (bio == NULL) {
        BIO_free(socket);
        return NULL;
    }
    BIO_set_data(bio, ech);
    BIO_set_init(bio, 1);
    return BIO_push(bio, socket);
}

#ifdef __cplusplus
}
#endif

#endif
/* NOLINTEND(modernize-use-nullptr) */
