// SPDX-License-Identifier: BSL-1.0
/* See pairs.h. */
#include "pairs.h"

#include "calls.h"
#include "next.h"
#include "settings.h"
#include "snipass/handoff/pair_name.h"
#include "snipass/handoff/sender.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

bool pairs_addresses(int fd, struct sockaddr_storage* peer, struct sockaddr_storage* local) {
    struct sockaddr_un name;
    socklen_t size = sizeof name;
    const int error = errno;
    bool found = next_getpeername(fd, (struct sockaddr*)&name, &size) == 0 && size <= sizeof name &&
                 handoff_read_pair_name(&name, size, peer, local);
    if (found) { /* anybody may choose such a name; it counts where the router's side made the pair */
        size_t count = 0;
        uid_t user = 0;
        const uid_t* allowed = settings_allowed(&count);
        found = handoff_judge_peer(&next_calls, fd, allowed, count, &user) == handoff_allowed;
    }
    errno = error;
    return found;
}

/* is_refused: what a unix socket says to what it does not know, of a socket that is a client of ours. */
static bool is_refused(int fd, int level, int result) {
    struct sockaddr_storage peer, local;
    return result != 0 && errno == EOPNOTSUPP && level != SOL_SOCKET && !settings_empty() &&
           pairs_addresses(fd, &peer, &local);
}

int pairs_set(int fd, int level, int result) {
    return is_refused(fd, level, result) ? 0 : result;
}

/* give_int: as getsockopt(2) does. */
static int give_int(int answer, void* value, socklen_t* size) {
    *size = *size < sizeof answer ? *size : sizeof answer;
    memcpy(value, &answer, *size);
    return 0;
}

static int ask_fresh(sa_family_t family, int level, int option, void* value, socklen_t* size) {
    const int fresh = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int result = fresh < 0 ? -1 : next_getsockopt(fresh, level, option, value, size);
    const int error = errno;
    if (fresh >= 0)
        next_close(fresh);
    errno = error;
    return result;
}

int pairs_get(int fd, int level, int option, void* value, socklen_t* size, int result) {
    struct sockaddr_storage peer, local;
    const bool is_identity = level == SOL_SOCKET && (option == SO_DOMAIN || option == SO_PROTOCOL);
    if (is_identity && result == 0 && *size >= sizeof(int) && !settings_empty() &&
        pairs_addresses(fd, &peer, &local))
        return give_int(option == SO_DOMAIN ? peer.ss_family : IPPROTO_TCP, value, size);
    if (!is_refused(fd, level, result) || !pairs_addresses(fd, &peer, &local))
        return result;
    return ask_fresh(peer.ss_family, level, option, value, size);
}
