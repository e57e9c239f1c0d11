// SPDX-License-Identifier: BSL-1.0
/* Kernel TLS, for servers that know of it. */
#include "cancellation.h"
#include "client.h"
#include "snipass/handoff/kernel_tls.h"

#include <errno.h>
#include <snipass/snipass.h>
#include <unistd.h>

const char* snipass_client_farewell(const snipass_client* client) {
    return client->metadata.farewell[0] != '\0' ? client->metadata.farewell : NULL;
}

int snipass_tls_read_end(int fd) {
    switch (kernel_tls_after_read(&handoff_libc, fd, errno)) {
    case kernel_tls_again:
        return 1;
    case kernel_tls_end:
        return 0;
    case kernel_tls_reset:
        errno = ECONNRESET;
        break;
    case kernel_tls_no_part:
        break;
    }
    return -1;
}

int snipass_tls_shutdown(int fd, int how, const char* farewell) {
    return kernel_tls_version(&handoff_libc, fd) != 0 ? kernel_tls_shutdown(&handoff_libc, fd, how, farewell)
                                                      : shutdown(fd, how);
}

int snipass_tls_close(int fd, const char* farewell) {
    const int cancellation = cancellation_off();
    if (kernel_tls_version(&handoff_libc, fd) != 0)
        kernel_tls_before_close(&handoff_libc, fd, farewell, false);
    const int result = close(fd);
    const int error = errno;
    cancellation_restore(cancellation);
    errno = error;
    return result;
}
