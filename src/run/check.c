// SPDX-License-Identifier: BSL-1.0
/* See check.h. */
#include "check.h"

#include "fail.h"
#include "holders.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    looks = 200,
    pause_ms = 50,
    settled = 20, /* looks; a server that is not seen by then but is there will not be seen */
    could_not_look = 2,
};

/* what a look has found. */
struct sight {
    struct inodes inodes; /* sockets that go by this path, perhaps in another mount namespace */
    struct holder holder; /* of one of them */
    bool is_held;
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
    const int error = holders_find_tcp((unsigned)strtoul(colon + 1, NULL, 10), &inodes);
    if (error != 0)
        say("who listens on TCP port %s cannot be found out: /proc/net/tcp: %s", colon + 1, strerror(error));
    else if (inodes.count == 0)
        say("nobody listens on TCP port %s either: the server has not opened it, and what it writes says "
            "why. Another "
            "port than\n"
            "that of --listen may be forbidden to it (--confine, --try-confine)",
            colon + 1);
    else if (holders_first(&inodes, NULL, &holder))
        say("on TCP port %s %s (process %d) listens, %s the library. If that is the server, and not the "
            "router:\n%s",
            colon + 1, holder.name, holder.pid, holder.has_library ? "with" : "without", remedy);
    else
        say("somebody listens on TCP port %s; root may see who", colon + 1);
}

static int tell_of_holder(const char* socket, const struct holder* holder) {
    if (!holder->has_library) {
        say("%s (process %d) listens at %s without the library. A receiver of its own may do so; another "
            "server takes the\n"
            "router for its client. %s",
            holder->name, holder->pid, socket, remedy);
        return 1;
    }
    printf("%s (process %d) takes clients at %s\n", holder->name, holder->pid, socket);
    return 0;
}

/* knock is what connect(2) says of the socket's file. A socket of this type finds nobody of its own kind, so
 * EPROTOTYPE says that somebody is there, and he hears nothing of it. */
static int knock(const char* path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    const int error = connect(fd, (const struct sockaddr*)&address, sizeof address) == 0 ? 0 : errno;
    close(fd);
    return error;
}

/* tell_of_hidden: somebody is behind the socket's file. */
static int tell_of_hidden(const char* path, bool goes_by_it) {
    if (goes_by_it && geteuid() == 0)
        say("somebody listens at %s whom this machine does not show: a container in the same network "
            "namespace? "
            "(ss -xlp)",
            path);
    else if (goes_by_it)
        say("somebody listens at %s; root may see who", path);
    else
        say("somebody is behind %s and cannot be seen from here: in another network namespace (a container), "
            "or\n"
            "bound to it by another name. Look there: nsenter --net --target PID snipass-run --check %s",
            path, path);
    return could_not_look;
}

static int tell_of_nobody(const char* path, const char* listen, bool goes_by_it) {
    const int error = knock(path);
    switch (error) {
    case EPROTOTYPE:
        return tell_of_hidden(path, goes_by_it);
    case EACCES:
        if (goes_by_it)
            return tell_of_hidden(path, goes_by_it);
        say("nobody listens at %s in this network namespace, and whether somebody of another one does cannot "
            "be\n"
            "found out: %s. Root may: run this as root",
            path, strerror(error));
        return could_not_look;
    case ECONNREFUSED:
        say("nobody listens at %s: its file is there, and the server that made it has ended", path);
        break;
    case ENOENT:
        say("nobody listens at %s: there is no such file. A server that has a unit is to be started by "
            "snipass-run: was\n"
            "the drop-in copied, and systemctl daemon-reload called? systemctl cat UNIT shows what is in "
            "force",
            path);
        break;
    default:
        say("nobody listens at %s", path);
    }
    tell_of_tcp(listen);
    return 1;
}

/* main_has_ended: of the unit whose ExecStartPost= this is. systemd has buried it by then. */
static bool main_has_ended(const char* pid) {
    const long number = pid != NULL ? strtol(pid, NULL, 10) : 0;
    return number > 0 && kill((pid_t)number, 0) != 0 && errno == ESRCH;
}

/* look: 0, or the error that keeps it from looking. */
static int look(const char* path, struct sight* sight) {
    sight->inodes.count = 0;
    const int error = holders_find_unix(path, &sight->inodes);
    sight->is_held =
        error == 0 && sight->inodes.count != 0 && holders_first(&sight->inodes, path, &sight->holder);
    return error;
}

int check_listener(const char* path, const char* listen) {
    const char* const pid = getenv("MAINPID");
    struct sight sight;
    for (int i = 0; i < looks; ++i) {
        if (i != 0)
            (void)poll(NULL, 0, pause_ms);
        const bool is_last = main_has_ended(pid); /* first: whom it has left behind is still to be seen */
        const int error = look(path, &sight);
        if (error != 0) {
            say("cannot find out who listens at %s: /proc/net/unix: %s. %s", path, strerror(error),
                error == ENOENT ? "Mount /proc, or run this where it is mounted" : "Run this as root");
            return could_not_look;
        }
        if (sight.is_held)
            return tell_of_holder(path, &sight.holder);
        if (is_last)
            say("the main process of the unit (%s) has ended: what it wrote says why (systemctl status)",
                pid);
        if (is_last || (i >= settled && knock(path) == EPROTOTYPE))
            break;
    }
    return tell_of_nobody(path, listen, sight.inodes.count != 0);
}
