// SPDX-License-Identifier: BSL-1.0
/* snipass-run: starts an unmodified server so that it takes the clients that snipass hands to it
 * (docs/backends.md). It becomes that server; what stays is the preload library, and the environment in which
 * it finds its settings. */
#include "check.h"
#include "command.h"
#include "confine.h"
#include "fail.h"
#include "options.h"
#include "preload.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void check_folder(const char* socket) {
    char copy[PATH_MAX];
    struct stat status;
    snprintf(copy, sizeof copy, "%s", socket);
    const char* folder = dirname(copy);
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
        fail("%s is no folder: make it first, for the server's user to write to", folder);
}

/* prepend puts `first` in front of what the variable has. */
static void prepend(const char* name, const char* first, char separator) {
    const char* before = getenv(name);
    const char between[] = {before != NULL && before[0] != '\0' && first[0] != '\0' ? separator : '\0', '\0'};
    char* both = NULL;
    if (asprintf(&both, "%s%s%s", first, between, before != NULL ? before : "") < 0 ||
        setenv(name, both, 1) != 0)
        fail("%s", strerror(ENOMEM));
    free(both);
}

/* refuse_double: nobody could tell whose clients come to the socket. */
static void refuse_double(const char* entry, const char* socket) {
    const char* at = getenv("SNIPASS_LISTEN");
    const size_t socket_size = strlen(socket);
    while (at != NULL && *at != '\0') {
        const size_t size = strcspn(at, " ,");
        const char* path = size > socket_size ? at + size - socket_size : at;
        const bool is_same = size == strlen(entry) && strncmp(at, entry, size) == 0;
        if (!is_same && path > at && (path[-1] == '=' || path[-1] == ':') &&
            strncmp(path, socket, socket_size) == 0)
            fail("%s takes the clients of another listener already: %.*s", socket, (int)size, at);
        at += size + strspn(at + size, " ,");
    }
}

static void set_environment(const struct options* options) {
    char entry[max_entry + PATH_MAX], users[max_users * sizeof "4294967295 "] = "", library[PATH_MAX];
    if (options->listen[0] != '\0')
        snprintf(entry, sizeof entry, "%s=%s", options->listen, options->socket);
    else
        snprintf(entry, sizeof entry, "unix:%s", options->socket);
    refuse_double(entry, options->socket);
    for (size_t i = 0; i < options->user_count; ++i) {
        const size_t size = strlen(users);
        snprintf(users + size, sizeof users - size, "%s%u", i != 0 ? " " : "", options->users[i]);
    }
    preload_find(library, sizeof library);
    prepend("SNIPASS_LISTEN", entry, ' ');
    prepend("SNIPASS_ALLOW_UID", users, ' ');
    prepend("LD_PRELOAD", library, ':');
}

int main(int argc, char** argv) {
    struct options options;
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("snipass-run " SNIPASS_VERSION) < 0 || fflush(stdout) != 0;
    options_read(argv, &options);
    if (options.checks)
        return check_listener(options.socket, options.listen);
    if (options.socket != NULL) {
        check_folder(options.socket);
        command_check(options.command[0], options.socket);
        set_environment(&options);
    }
    confine_now(&options.confine);
    execvp(options.command[0], options.command);
    fail("cannot start %s: %s", options.command[0], strerror(errno));
}
