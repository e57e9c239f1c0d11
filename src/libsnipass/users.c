// SPDX-License-Identifier: BSL-1.0
/* Users by name and by number. In a container the router's user has a number only. */
#include "users.h"

#include "snipass/handoff/sender.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    first_room = 1024,
    last_room = 1024 * 1024,
};

/* find_name: 0, or what keeps it from being found. A name that is not there is ENOENT, also where a module of
 * the C library calls it otherwise (getpwnam(3)). */
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
        if (found != NULL)
            return 0;
        if (error != ERANGE)
            return error == 0 || error == ESRCH ? ENOENT : error;
    }
    return ERANGE;
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
    if (strcmp(user, "unmapped") == 0) {
        *id = handoff_unmapped;
        return 0;
    }
    const int error = find_name(user, id);
    if (error == 0 || read_number(user, id))
        return 0;
    errno = error;
    return -1;
}

/* users_packaged: who hands over where the packages are as they come. There is room for two. */
static size_t users_packaged(uid_t* users) {
    static const char* const names[] = {"snipass", "snipass-tls"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i)
        if (snipass_user_id(names[i], &users[count]) == 0)
            ++count;
    return count;
}

uid_t* users_allowed(const struct snipass_options* options, size_t* count) {
    uid_t* allowed = calloc(options->allowed_count + 2, sizeof *allowed);
    if (allowed == NULL)
        return NULL;
    *count = options->allowed_count;
    if (options->allowed == NULL)
        *count = users_packaged(allowed);
    else
        memcpy(allowed, options->allowed, options->allowed_count * sizeof *allowed);
    return allowed;
}
