// SPDX-License-Identifier: BSL-1.0
/* See farewell.h. */
#include "snipass/handoff/farewell.h"

#include "message.h"
#include "snipass/handoff/receiving.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

bool handoff_farewell(const struct handoff_calls* calls, const char* path, int client) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t size = path != NULL ? strlen(path) : 0;
    if (size == 0 || size >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, size);
    const int error = errno;
    const int to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool given = to >= 0 && calls->connect(to, (const struct sockaddr*)&address, sizeof address) == 0 &&
                       handoff_send_one(calls, to, handoff_farewell_version, client);
    if (to >= 0)
        calls->close(to);
    errno = error;
    return given;
}

void handoff_take_farewell(const struct handoff_calls* calls, int connection,
                           struct handoff_farewell_taken* taken) {
    unsigned char version = 0;
    struct message message;
    message_receive(calls, connection, &version, 1, 0, &message);
    taken->client = -1;
    taken->foreign_count = 0;
    const bool is_one = message.size == 1 && message.count == 1 && (message.flags & MSG_CTRUNC) == 0 &&
                        version == handoff_farewell_version;
    if (is_one && handoff_judge_keyed(calls, message.descriptors[0]) == handoff_sound) {
        taken->client = message_take_one(&message);
        return;
    }
    taken->foreign_count = message.count;
    memcpy(taken->foreign, message.descriptors, message.count * sizeof(int));
}
