// SPDX-License-Identifier: BSL-1.0
/* See environment.h. */
#include "environment.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char* const names[environment_variables] = {
    "LD_PRELOAD=", "SNIPASS_LISTEN=", "SNIPASS_ALLOW_UID="};

void environment_keep(struct environment* kept) {
    Dl_info own;
    kept->library = dladdr(names, &own) != 0 ? own.dli_fname : NULL;
    for (size_t i = 0; i < environment_variables; ++i) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strlen(names[i]) - 1, names[i]);
        const char* value = getenv(name);
        if (value == NULL || asprintf(&kept->variables[i], "%s%s", names[i], value) < 0)
            kept->variables[i] = NULL;
    }
}

static const char* value_of(const char* variable, const char* name) {
    const size_t size = strlen(name);
    return strncmp(variable, name, size) == 0 ? variable + size : NULL;
}

/* names_library: of a list that ld.so(8) separates by colons or spaces. */
static bool names_library(const char* list, const char* library) {
    const size_t wanted = strlen(library);
    for (const char* at = list; *at != '\0';) {
        const size_t size = strcspn(at, ": ");
        if (size == wanted && memcmp(at, library, size) == 0)
            return true;
        at += size + strspn(at + size, ": ");
    }
    return false;
}

/* others_of is somebody else's LD_PRELOAD, or NULL. */
static const char* others_of(const struct environment* kept, const char* variable) {
    const char* list = value_of(variable, names[environment_preload]);
    return list == NULL || list[0] == '\0' || kept->library == NULL || names_library(list, kept->library)
               ? NULL
               : list;
}

size_t environment_room(const struct environment* kept, char* const given[], size_t* bytes) {
    size_t count = 0;
    *bytes = 1;
    for (; given != NULL && given[count] != NULL; ++count) {
        const char* others = others_of(kept, given[count]);
        if (others != NULL)
            *bytes = strlen(names[environment_preload]) + strlen(kept->library) + 1 + strlen(others) + 1;
    }
    return count + environment_variables + 1;
}

/* has is whether a variable of ours is there with a value that can do. An empty LD_PRELOAD is as none. */
static bool has(const struct environment* kept, const char* variable, size_t which) {
    const char* value = value_of(variable, names[which]);
    return value != NULL &&
           (which != environment_preload || (value[0] != '\0' && others_of(kept, variable) == NULL));
}

void environment_restore(const struct environment* kept, char* const given[], char** result, char* preload,
                         size_t bytes) {
    bool is_there[environment_variables] = {false};
    const char* others = NULL;
    size_t size = 0;
    for (size_t i = 0; given != NULL && given[i] != NULL; ++i) {
        for (size_t j = 0; j < environment_variables; ++j)
            is_there[j] = is_there[j] || has(kept, given[i], j);
        if (others_of(kept, given[i]) != NULL)
            others = others_of(kept, given[i]);
        if (value_of(given[i], names[environment_preload]) == NULL ||
            has(kept, given[i], environment_preload))
            result[size++] = given[i];
    }
    if (!is_there[environment_preload] && others != NULL) {
        snprintf(preload, bytes, "%s%s:%s", names[environment_preload], kept->library, others);
        result[size++] = preload;
        is_there[environment_preload] = true;
    }
    for (size_t j = 0; j < environment_variables; ++j)
        if (!is_there[j] && kept->variables[j] != NULL)
            result[size++] = kept->variables[j];
    result[size] = NULL;
}
