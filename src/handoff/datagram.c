// SPDX-License-Identifier: BSL-1.0
/* See datagram.h. */
#include "snipass/handoff/datagram.h"

#include "message.h"

#include <errno.h>
#include <string.h>

enum {
    max_looks = 4, /* at a datagram whose descriptor does not come */
};

/* look: a descriptor that is lost again and again although there is room will not come, and its datagram
 * would keep all behind it. (Another thread may have had the last one for a moment.) *is_full: there is no
 * room. */
static void look(const struct handoff_calls* calls, int socket, unsigned char* bytes, struct message* message,
                 bool* is_full) {
    *is_full = false;
    for (int looks = 0; looks < max_looks && !*is_full; ++looks) {
        message_receive(calls, socket, bytes, handoff_datagram_max, MSG_PEEK, message);
        if (message->size < 0 || !message_lost(message))
            return;
        const int reserved = handoff_reserve(socket);
        *is_full = reserved < 0;
        if (reserved >= 0)
            calls->close(reserved);
    }
}

static enum handoff_fault judge(const struct handoff_calls* calls, const struct message* message) {
    if (message_lost(message))
        return handoff_lost_descriptor;
    if ((message->flags & MSG_TRUNC) != 0)
        return handoff_cut_datagram;
    if ((message->flags & MSG_CTRUNC) != 0 || message->count != 1)
        return handoff_bad_count;
    return handoff_judge_client(calls, message->descriptors[0]);
}

void handoff_take_out(int socket) {
    /* Of descriptors for which there is no room here, the kernel closes its copies. Ours were made first. */
    (void)recv(socket, NULL, 0, MSG_DONTWAIT | MSG_TRUNC);
}

/* turn_away makes our copies the last. */
static void turn_away(int socket, const struct message* message, struct handoff_datagram* datagram) {
    handoff_take_out(socket);
    datagram->foreign_count = message->count;
    memcpy(datagram->foreign, message->descriptors, message->count * sizeof(int));
}

void handoff_discard(const struct handoff_calls* calls, struct handoff_datagram* datagram) {
    while (datagram->foreign_count > 0)
        handoff_close_foreign(calls, datagram->foreign[--datagram->foreign_count]);
}

enum handoff_progress handoff_look_at_datagram(const struct handoff_calls* calls, int socket,
                                               unsigned char* bytes, const uid_t* allowed, size_t count,
                                               struct handoff_datagram* datagram) {
    struct message message;
    bool is_full = false;
    datagram->client = -1;
    datagram->size = datagram->foreign_count = 0;
    datagram->fault = handoff_sound;
    look(calls, socket, bytes, &message, &is_full);
    if (message.size < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? handoff_wants_more : handoff_ended;
    if (is_full)
        return handoff_no_room; /* a stranger's, too: what is thrown away is received first */
    datagram->user = message.sender.uid;
    datagram->who = handoff_judge_credentials(calls, message.sender, allowed, count);
    datagram->fault = datagram->who == handoff_allowed ? judge(calls, &message) : handoff_bad_sender;
    if (datagram->fault == handoff_sound) {
        datagram->client = message_take_one(&message);
        datagram->size = (size_t)message.size;
        return handoff_complete;
    }
    turn_away(socket, &message, datagram);
    return handoff_refused;
}
