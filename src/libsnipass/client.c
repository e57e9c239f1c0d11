// SPDX-License-Identifier: BSL-1.0
/* What a server asks about a client that it took. */
#include "client.h"

#include "cancellation.h"
#include "snipass/handoff/kernel_tls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <snipass/snipass.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct snipass_client* client_new(void) {
    struct snipass_client* client = calloc(1, sizeof *client);
    if (client != NULL)
        client->fd = -1;
    return client;
}

void client_drop_header(struct snipass_client* client) {
    if (client->header != NULL)
        explicit_bzero(client->header, handoff_ech_header_max);
    free(client->header);
    client->header = NULL;
    client->metadata.ech = NULL;
    client->metadata.ech_size = 0;
}

void client_set_blocking(const struct snipass_client* client) {
    const int flags = fcntl(client->fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) != 0)
        (void)fcntl(client->fd, F_SETFL, flags & ~O_NONBLOCK);
}

void snipass_client_free(snipass_client* client) {
    if (client == NULL)
        return;
    const int cancellation = cancellation_off();
    if (client->fd >= 0 && client->metadata.plaintext == handoff_kernel_tls)
        kernel_tls_before_close(&handoff_libc, client->fd, client->metadata.farewell, false);
    if (client->fd >= 0)
        close(client->fd);
    free(client->consumed);
    client_drop_header(client);
    handoff_scgi_free(&client->request);
    free(client);
    cancellation_restore(cancellation);
}

int snipass_client_in_clear(const snipass_client* client) {
    switch (client->metadata.plaintext) {
    case handoff_socket_pair:
        return SNIPASS_PAIRS;
    case handoff_kernel_tls:
        return SNIPASS_KERNEL_TLS;
    case handoff_as_sent:
        break;
    }
    return 0;
}

const char* snipass_client_certified_name(const snipass_client* client) {
    return client->metadata.has_client_name ? client->metadata.client_name : NULL;
}

int snipass_client_fd(const snipass_client* client) {
    return client->fd;
}

int snipass_client_release(snipass_client* client) {
    const int fd = client->fd;
    client->fd = -1;
    return fd;
}

static const struct sockaddr* address(const struct sockaddr_storage* storage, socklen_t* size) {
    if (size != NULL)
        *size = storage->ss_family == AF_INET    ? sizeof(struct sockaddr_in)
                : storage->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                 : sizeof storage->ss_family;
    return (const struct sockaddr*)storage;
}

const struct sockaddr* snipass_client_peer(const snipass_client* client, socklen_t* size) {
    return address(&client->metadata.peer, size);
}

const struct sockaddr* snipass_client_local(const snipass_client* client, socklen_t* size) {
    return address(&client->metadata.local, size);
}

const char* snipass_client_host_name(const snipass_client* client) {
    return client->metadata.host_name;
}

const unsigned char* snipass_client_alpn(const snipass_client* client, size_t* size) {
    if (size != NULL)
        *size = client->metadata.alpn_size;
    return client->metadata.alpn_size != 0 ? client->metadata.alpn : NULL;
}

const unsigned char* snipass_client_id(const snipass_client* client) {
    return client->metadata.has_id ? client->metadata.id : NULL;
}

const unsigned char* snipass_client_consumed(const snipass_client* client, size_t* size) {
    if (size != NULL)
        *size = client->consumed_size;
    return client->consumed;
}

const char* snipass_scgi_next(const snipass_client* client, const char* name) {
    return handoff_scgi_next(&client->request, name);
}

const char* snipass_scgi_value(const char* name) {
    return handoff_scgi_value(name);
}

const char* snipass_scgi_variable(const snipass_client* client, const char* name) {
    return handoff_scgi_find(&client->request, name);
}
