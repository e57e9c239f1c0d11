// SPDX-License-Identifier: BSL-1.0
/* See command.h. */
#include "command.h"

#include "../preload/linkage.h"
#include "fail.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

static void refuse_privileges(const char* file, const char* bit) {
    struct stat status = {0};
    (void)stat(file, &status);
    const struct passwd* user = getpwuid(status.st_uid);
    const struct group* group = getgrgid(status.st_gid);
    char user_number[16], group_number[16];
    snprintf(user_number, sizeof user_number, "%u", status.st_uid);
    snprintf(group_number, sizeof group_number, "%u", status.st_gid);
    fail("%s is %s: start it as its own user and group, %s:%s, or without that bit", file, bit,
         user != NULL ? user->pw_name : user_number, group != NULL ? group->gr_name : group_number);
}

void command_check(const char* command, const char* socket) {
    char path[PATH_MAX], file[PATH_MAX];
    if (!linkage_find(command, path, sizeof path))
        fail("there is no command \"%s\"", command);
    const enum linkage linkage = linkage_of(path, file, sizeof file);
    if (linkage == linkage_setuid)
        refuse_privileges(file, "setuid");
    if (linkage == linkage_setgid)
        refuse_privileges(file, "setgid");
    if (linkage == linkage_capabilities)
        fail("%s has file capabilities, with which the loader takes no library: remove them (setcap -r), the "
             "port needs "
             "none here",
             file);
    if (linkage_refuses(linkage))
        fail("%s %s: its own receiver, or \"proxy\" in snipass.toml, would do. If it only starts\n"
             "the server, write: %s ... snipass-run %s ... -- SERVER",
             file, linkage_explain(linkage), command, socket);
}
