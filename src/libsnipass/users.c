// SPDX-License-Identifier: BSL-1.0
/* Users by name and by number. In a container the router's user has a number only. */
#include "users.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    first_room = 1024,
    last_room = 1024 * 1024,
};

/* find_name: 0, or what keeps it from being found. A name that is not there is ENOENT. */
static int find_name(const char* name, uid_t* id) {
    for (size_t size = first_room; size <= last_room; size *= 2) {
        struct passwd entry;
        struct passwd* found = NULL;
        char* room = malloc(size);
        if (room == NULL)
            return ENOMEM;
        const int error = getpwnam_r(name, &entry, room, size, &found);
        free(room);
        if (found != NULL)
            *id = entry.pw_uid;
        if (error != ERANGE)
            return found != NULL ? 0 : ENOENT;
    }
    return ENOENT;
}

/* read_number: of digits alone. The largest number of its type means "no user" to the kernel. */
static bool read_number(const char* text, uid_t* id) {
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 10 || text[digits] != '\0')
        return false;
    const unsigned long long number = strtoull(text, NULL, 10);
    *id = (uid_t)number;
    return number < (uid_t)-1;
}

int snipass_user_id(const char* user, uid_t* id) {
    const int error = find_name(user, id);
    if (error == 0 || read_number(user, id))
        return 0;
    *id = SNIPASS_UNMAPPED;
    if (strcmp(user, "unmapped") == 0)
        return 0;
    errno = error;
    return -1;
}

uid_t* users_allowed(const struct snipass_options* options, size_t* count) {
    uid_t* allowed = calloc(options->allowed_count + 1, sizeof *allowed);
    if (allowed == NULL)
        return NULL;
    *count = options->allowed_count;
    if (options->allowed == NULL)
        *count = snipass_user_id("snipass", allowed) == 0 ? 1 : 0;
    else
        memcpy(allowed, options->allowed, options->allowed_count * sizeof *allowed);
    return allowed;
}
