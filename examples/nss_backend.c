// SPDX-License-Identifier: BSL-1.0
/* A TLS server with NSS whose clients may come with Encrypted ClientHello, and which has none of its keys:
 * the backend of split mode (RFC 9849, section 3.1). libsnipass lies between NSS and the client's socket
 * until the hellos have been said (snipass/ech.h).
 *
 *     nss_backend [--from USER] [--p256] SOCKET_PATH CERTIFICATE_DATABASE NICKNAME [NAME]
 *
 * The database is a folder that certutil and pk12util have made. With --p256 there is no other group, so that
 * most clients have to be asked for a second hello. */
#include <errno.h>
#include <nspr.h>
#include <nss.h>
#include <pk11pub.h>
#include <private/pprio.h>
#include <pthread.h>
#include <snipass/ech.h>
#include <ssl.h>
#include <sslexp.h>
#include <sslproto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char* name = "nss_backend";
static bool only_p256;
static CERTCertificate* certificate;
static SECKEYPrivateKey* private_key;
static PRDescIdentity layer_identity;
static PRIOMethods layer_methods;

/* --- the second hello is opened by NSS, too --- */

static int open_with_nss(uint16_t aead, const unsigned char* key, const unsigned char* nonce,
                         const unsigned char* aad, size_t aad_size, const unsigned char* in, size_t in_size,
                         unsigned char* out) {
    enum {
        nonce_size = 12,
        tag_bits = 128
    };
    CK_GCM_PARAMS gcm = {.pIv = (unsigned char*)nonce,
                         .ulIvLen = nonce_size,
                         .ulIvBits = nonce_size * 8,
                         .pAAD = (unsigned char*)aad,
                         .ulAADLen = aad_size,
                         .ulTagBits = tag_bits};
    CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha = {.pNonce = (unsigned char*)nonce,
                                                  .ulNonceLen = nonce_size,
                                                  .pAAD = (unsigned char*)aad,
                                                  .ulAADLen = aad_size};
    const bool is_gcm = aead == 1 || aead == 2;
    const CK_MECHANISM_TYPE mechanism = is_gcm ? CKM_AES_GCM : CKM_CHACHA20_POLY1305;
    SECItem parameters = {siBuffer, is_gcm ? (unsigned char*)&gcm : (unsigned char*)&chacha,
                          is_gcm ? sizeof gcm : sizeof chacha};
    SECItem raw = {siBuffer, (unsigned char*)key, aead == 1 ? 16 : 32};
    PK11SlotInfo* slot = PK11_GetBestSlot(mechanism, NULL);
    PK11SymKey* imported =
        slot != NULL ? PK11_ImportSymKey(slot, mechanism, PK11_OriginUnwrap, CKA_DECRYPT, &raw, NULL) : NULL;
    unsigned size = 0;
    const int opened =
        imported != NULL && PK11_Decrypt(imported, mechanism, &parameters, out, &size, (unsigned)in_size, in,
                                         (unsigned)in_size) == SECSuccess;
    if (imported != NULL)
        PK11_FreeSymKey(imported);
    if (slot != NULL)
        PK11_FreeSlot(slot);
    return opened;
}

/* --- a layer of NSPR under that of NSS --- */

static PRInt32 fail(PRFileDesc* lower, const snipass_ech* ech) {
    unsigned char alert[SNIPASS_ECH_ALERT_SIZE];
    const size_t size = snipass_ech_alert(ech, alert);
    (void)lower->methods->send(lower, alert, (PRInt32)size, 0, PR_INTERVAL_NO_TIMEOUT);
    fprintf(stderr, "%s: %s\n", name, snipass_ech_why(ech));
    PR_SetError(PR_IO_ERROR, 0);
    return -1;
}

static PRInt32 layer_recv(PRFileDesc* fd, void* bytes, PRInt32 size, PRIntn flags, PRIntervalTime timeout) {
    snipass_ech* ech = (snipass_ech*)fd->secret;
    PRFileDesc* const lower = fd->lower;
    for (;;) {
        const size_t taken = snipass_ech_take(ech, bytes, (size_t)size);
        if (taken > 0)
            return (PRInt32)taken;
        if (snipass_ech_is_over(ech))
            return lower->methods->recv(lower, bytes, size, flags, timeout);
        unsigned char read[4096];
        const size_t wanted = snipass_ech_wants(ech);
        if (wanted == 0)
            return fail(lower, ech);
        const PRInt32 room = (PRInt32)(wanted < sizeof read ? wanted : sizeof read);
        const PRInt32 n = lower->methods->recv(lower, read, room, flags, timeout);
        if (n <= 0)
            return n;
        snipass_ech_give(ech, read, (size_t)n);
    }
}

static PRInt32 layer_send(PRFileDesc* fd, const void* bytes, PRInt32 size, PRIntn flags,
                          PRIntervalTime timeout) {
    const PRInt32 n = fd->lower->methods->send(fd->lower, bytes, size, flags, timeout);
    if (n > 0)
        snipass_ech_sent((snipass_ech*)fd->secret, bytes, (size_t)n);
    return n;
}

static PRStatus layer_close(PRFileDesc* fd) {
    snipass_ech_free((snipass_ech*)fd->secret);
    fd->secret = NULL;
    return PR_GetDefaultIOMethods()->close(fd);
}

static void make_layer(void) {
    layer_identity = PR_GetUniqueIdentity("snipass ECH");
    layer_methods = *PR_GetDefaultIOMethods();
    layer_methods.recv = layer_recv;
    layer_methods.send = layer_send;
    layer_methods.close = layer_close;
}

static bool push_layer(PRFileDesc* socket, snipass_client* client) {
    snipass_ech* ech = snipass_ech_new(client, open_with_nss);
    PRFileDesc* layer = ech != NULL ? PR_CreateIOLayerStub(layer_identity, &layer_methods) : NULL;
    if (layer == NULL) {
        snipass_ech_free(ech);
        return false;
    }
    layer->secret = (PRFilePrivate*)ech;
    return PR_PushIOLayer(socket, PR_TOP_IO_LAYER, layer) == PR_SUCCESS;
}

/* --- the server --- */

static PRInt32 choose_name(PRFileDesc* fd, const SECItem* names, PRUint32 count, void* context) {
    (void)fd, (void)names, (void)count, (void)context;
    return 0; /* one certificate for all of them */
}

static bool prepare(PRFileDesc* tls, bool has_ech) {
    static const SSLNamedGroup p256[] = {ssl_grp_ec_secp256r1};
    const SSLVersionRange versions = {SSL_LIBRARY_VERSION_TLS_1_2, SSL_LIBRARY_VERSION_TLS_1_3};
    return SSL_OptionSet(tls, SSL_SECURITY, PR_TRUE) == SECSuccess &&
           SSL_OptionSet(tls, SSL_HANDSHAKE_AS_SERVER, PR_TRUE) == SECSuccess &&
           SSL_VersionRangeSet(tls, &versions) == SECSuccess &&
           SSL_ConfigServerCert(tls, certificate, private_key, NULL, 0) == SECSuccess &&
           SSL_SNISocketConfigHook(tls, choose_name, NULL) == SECSuccess &&
           (!only_p256 || SSL_NamedGroupConfig(tls, p256, 1) == SECSuccess) &&
           (!has_ech || SSL_EnableTls13BackendEch(tls, PR_TRUE) == SECSuccess) &&
           SSL_ResetHandshake(tls, PR_TRUE) == SECSuccess;
}

static void answer(PRFileDesc* tls, const char* had_ech) {
    char request[4096], body[1024], head[256];
    size_t size = 0;
    while (size + 1 < sizeof request) {
        const PRInt32 n = PR_Read(tls, request + size, (PRInt32)(sizeof request - 1 - size));
        if (n <= 0)
            return;
        size += (size_t)n;
        request[size] = '\0';
        if (strstr(request, "\r\n\r\n") != NULL)
            break;
    }
    SECItem* asked = SSL_GetNegotiatedHostInfo(tls);
    const int body_size = snprintf(body, sizeof body, "backend: %s\npid: %d\nhost_name: %.*s\nech: %s\n",
                                   name, (int)getpid(), asked != NULL ? (int)asked->len : 1,
                                   asked != NULL ? (const char*)asked->data : "-", had_ech);
    const int head_size = snprintf(head, sizeof head,
                                   "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
                                   "Connection: close\r\n\r\n",
                                   body_size);
    if (asked != NULL)
        SECITEM_FreeItem(asked, PR_TRUE);
    if (PR_Write(tls, head, head_size) == head_size)
        (void)PR_Write(tls, body, body_size);
}

static void serve(snipass_client* client) {
    const bool has_ech = snipass_client_has_ech(client) != 0;
    PRFileDesc* socket = PR_ImportTCPSocket(snipass_client_fd(client));
    if (socket == NULL)
        return;
    (void)snipass_client_release(client); /* the socket is NSPR's */
    PRFileDesc* tls = !has_ech || push_layer(socket, client) ? SSL_ImportFD(NULL, socket) : NULL;
    if (tls == NULL) {
        PR_Close(socket);
        return;
    }
    if (prepare(tls, has_ech) && SSL_ForceHandshake(tls) == SECSuccess)
        answer(tls, has_ech ? "yes" : "no");
    else
        fprintf(stderr, "%s: no handshake: %s\n", name, PR_ErrorToName(PR_GetError()));
    PR_Close(tls);
}

static void* serve_in_thread(void* client) {
    serve((snipass_client*)client);
    snipass_client_free((snipass_client*)client);
    return NULL;
}

static bool start(const char* database, const char* nickname) {
    if (NSS_Init(database) != SECSuccess || SSL_ConfigServerSessionIDCache(0, 0, 0, NULL) != SECSuccess)
        return false;
    certificate = PK11_FindCertFromNickname(nickname, NULL);
    private_key = certificate != NULL ? PK11_FindKeyByAnyCert(certificate, NULL) : NULL;
    make_layer();
    return private_key != NULL;
}

int main(int argc, char** argv) {
    uid_t user;
    struct snipass_options options = {.ech = 1};
    for (; argc > 1 && argv[1][0] == '-'; --argc, ++argv) {
        if (strcmp(argv[1], "--p256") == 0) {
            only_p256 = true;
        } else if (strcmp(argv[1], "--from") == 0 && argc > 2 && snipass_user_id(argv[2], &user) == 0) {
            options.allowed = &user;
            options.allowed_count = 1;
            --argc, ++argv;
        } else {
            break;
        }
    }
    if (argc < 4 || argv[1][0] == '-') {
        fputs("usage: nss_backend [--from USER] [--p256] SOCKET_PATH CERTIFICATE_DATABASE NICKNAME [NAME]\n",
              stderr);
        return 2;
    }
    name = argc > 4 ? argv[4] : name;
    if (!start(argv[2], argv[3])) {
        fprintf(stderr, "%s: %s\n", argv[2], PR_ErrorToName(PR_GetError()));
        return 1;
    }
    snipass_receiver* receiver = snipass_listen(argv[1], &options);
    if (receiver == NULL) {
        perror(argv[1]);
        return 1;
    }
    for (;;) {
        snipass_client* client = snipass_receive(receiver, -1);
        pthread_t thread;
        if (client == NULL) {
            usleep(10000); /* out of descriptors: the clients wait in the backlog */
        } else if (pthread_create(&thread, NULL, serve_in_thread, client) == 0) {
            pthread_detach(thread);
        } else {
            snipass_client_free(client);
        }
    }
}
