// SPDX-License-Identifier: BSL-1.0
/* See check.h. */
#include "check.h"

#include "fail.h"
#include "holders.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    looks = 200,
    pause = 50, /* ms */
};

static const char remedy[] = "The library has to be in the process that listens. What stands between "
                             "snipass-run and the server (sudo, a static\n"
                             "program, a wrapper that a setuid program started) belongs in front of it: "
                             "WRAPPER snipass-run SOCKET ... -- SERVER";

/* tell_of_tcp: who listens on the port that was to become SOCKET. The router may be one of them. */
static void tell_of_tcp(const char* listen) {
    const char* colon = strrchr(listen, ':');
    struct inodes inodes = {0};
    struct holder holder;
    if (colon == NULL)
        return;
    holders_find_tcp((unsigned)strtoul(colon + 1, NULL, 10), &inodes);
    if (inodes.count == 0)
        say("nobody listens on TCP port %s either: the server has not opened it", colon + 1);
    else if (holders_first(&inodes, &holder))
        say("on TCP port %s %s (process %d) listens, %s the library. If that is the server, and not the "
            "router:\n%s",
            colon + 1, holder.name, holder.pid, holder.has_library ? "with" : "without", remedy);
    else
        say("somebody listens on TCP port %s; root may see who", colon + 1);
}

static int tell_of_holder(const char* socket, const struct inodes* inodes) {
    struct holder holder;
    if (!holders_first(inodes, &holder)) {
        say("somebody listens at %s; root may see who", socket);
        return 1;
    }
    if (!holder.has_library) {
        say("%s (process %d) listens at %s without the library. A receiver of its own may do so; another "
            "server takes the\n"
            "router for its client. %s",
            holder.name, holder.pid, socket, remedy);
        return 1;
    }
    printf("%s (process %d) takes clients at %s\n", holder.name, holder.pid, socket);
    return 0;
}

int check_listener(const char* socket, const char* listen) {
    struct inodes inodes = {0};
    for (int i = 0; i < looks && inodes.count == 0; ++i) {
        if (i != 0)
            (void)poll(NULL, 0, pause);
        holders_find_unix(socket, &inodes);
    }
    if (inodes.count != 0)
        return tell_of_holder(socket, &inodes);
    say("nobody listens at %s", socket);
    tell_of_tcp(listen);
    return 1;
}
