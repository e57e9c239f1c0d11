// SPDX-License-Identifier: BSL-1.0
/* See preload.h. */
#include "preload.h"

#include "fail.h"

#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* find_self: where there is no /proc (a chroot), the kernel's word on what was executed must do. */
static bool find_self(char self[PATH_MAX]) {
    return realpath("/proc/self/exe", self) != NULL ||
           realpath((const char*)getauxval(AT_EXECFN), self) != NULL;
}

void preload_find(char* path, size_t size) {
    static const char* const places[] = {"libsnipass_preload.so",
                                         "../" SNIPASS_LIBDIR "/snipass/libsnipass_preload.so"};
    char self[PATH_MAX], candidate[PATH_MAX + sizeof "../" SNIPASS_LIBDIR "/snipass/libsnipass_preload.so"],
        found[PATH_MAX];
    if (!find_self(self))
        fail("cannot find the library: it is unknown where snipass-run itself is");
    const char* folder = dirname(self);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; ++i) {
        snprintf(candidate, sizeof candidate, "%s/%s", folder, places[i]);
        if (realpath(candidate, found) == NULL)
            continue;
        if (strpbrk(found, " :") != NULL)
            fail("the loader takes no library whose path has a space or a colon: move %s", found);
        if (access(found, R_OK) != 0)
            fail("%s may not be read by this user, so the loader would leave it out", found);
        if ((size_t)snprintf(path, size, "%s", found) < size)
            return;
    }
    fail("libsnipass_preload.so is missing; it belongs to %s", candidate);
}
