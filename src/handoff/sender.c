// SPDX-License-Identifier: BSL-1.0
/* See sender.h. */
#include "snipass/handoff/sender.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum {
    overflow_user = 65534, /* user_namespaces(7) */
};

/* Of a process that gives up to read /proc, and to change its namespace. */
static enum {
    not_asked,
    all_users,
    some_users
} remembered;

/* ask_for_all_users: this user namespace has a number for everybody. Where there is no /proc, nobody can say;
 * of any other failure (no descriptor is left) a sender must not profit. */
static bool ask_for_all_users(const struct handoff_calls* calls) {
    char text[64] = "";
    const int file = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT;
    const ssize_t size = read(file, text, sizeof text - 1);
    calls->close(file);
    unsigned first = 0, outside = 0, count = 0;
    return size > 0 && sscanf(text, "%u %u %u", &first, &outside, &count) == 3 && first == outside &&
           count == UINT32_MAX;
}

void handoff_remember_users(const struct handoff_calls* calls) {
    remembered = ask_for_all_users(calls) ? all_users : some_users;
}

static bool knows_all_users(const struct handoff_calls* calls) {
    return remembered == not_asked ? ask_for_all_users(calls) : remembered == all_users;
}

static bool is_in(uid_t user, const uid_t* allowed, size_t count) {
    for (size_t i = 0; i < count; ++i)
        if (user == allowed[i])
            return true;
    return false;
}

static enum handoff_sender judge(const struct handoff_calls* calls, uid_t user, const uid_t* allowed,
                                 size_t count) {
    if (user == overflow_user && !knows_all_users(calls))
        return is_in(handoff_unmapped, allowed, count) ? handoff_allowed : handoff_nameless;
    const bool may = user == 0 || user == geteuid() || is_in(user, allowed, count);
    return may ? handoff_allowed : handoff_stranger;
}

enum handoff_sender handoff_judge_peer(const struct handoff_calls* calls, int connection,
                                       const uid_t* allowed, size_t count, uid_t* user) {
    struct ucred sender = {.uid = (uid_t)-1};
    socklen_t size = sizeof sender;
    const int result = calls->getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &sender, &size);
    *user = sender.uid;
    return result == 0 ? judge(calls, sender.uid, allowed, count) : handoff_unknown;
}

enum handoff_sender handoff_judge_credentials(const struct handoff_calls* calls, struct ucred sender,
                                              const uid_t* allowed, size_t count) {
    /* Of a process in another PID namespace it says 0, too; where 65534 stands for others, it may be theirs.
     */
    if (sender.uid == overflow_user && sender.pid == 0 && knows_all_users(calls))
        return handoff_unknown;
    return judge(calls, sender.uid, allowed, count);
}
