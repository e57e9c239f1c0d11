// SPDX-License-Identifier: BSL-1.0
/* See settings.h. */
#include "settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    max_entries = 16,
    max_allowed = 16
};

static struct entry entries[max_entries];
static size_t entry_count;
static uid_t allowed[max_allowed];
static size_t allowed_count;

static bool parse_number(const char* text, size_t size, unsigned long max, unsigned long* number) {
    char copy[16];
    if (size == 0 || size >= sizeof copy || strspn(text, "0123456789") < size)
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    errno = 0;
    *number = strtoul(copy, NULL, 10);
    return errno == 0 && *number <= max;
}

/* parse_address reads ADDRESS:PORT of `size` characters. */
static bool parse_address(const char* text, size_t size, struct sockaddr_storage* address,
                          bool* any_address) {
    const char* colon = memrchr(text, ':', size);
    unsigned long port = 0;
    if (colon == NULL || !parse_number(colon + 1, size - (size_t)(colon + 1 - text), 65535, &port))
        return false;
    char host[INET6_ADDRSTRLEN];
    const bool brackets = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
    const size_t host_size = (size_t)(colon - text) - (brackets ? 2 : 0);
    if (host_size >= sizeof host)
        return false;
    memcpy(host, text + (brackets ? 1 : 0), host_size);
    host[host_size] = '\0';

    memset(address, 0, sizeof *address);
    *any_address = strcmp(host, "*") == 0;
    if (brackets) {
        struct sockaddr_in6* v6 = (struct sockaddr_in6*)address;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
    }
    struct sockaddr_in* v4 = (struct sockaddr_in*)address;
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    return *any_address || inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

/* name_diversion: a path has too little room for more, so the name has a number that is made of it (FNV-1a).
 */
static void name_diversion(struct entry* entry) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char* at = entry->path; *at != '\0'; ++at)
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3;
    snprintf(entry->diversion, sizeof entry->diversion, "snipass-%016" PRIx64 "-", hash);
}

static bool parse_entry(const char* text, size_t size) {
    static const char unix_prefix[] = "unix:";
    struct entry entry;
    memset(&entry, 0, sizeof entry); /* the padding, too: entries are compared */
    const char* path = text + sizeof unix_prefix - 1;
    if (size < sizeof unix_prefix || strncmp(text, unix_prefix, sizeof unix_prefix - 1) != 0) {
        const char* equals = memchr(text, '=', size);
        if (equals == NULL || !parse_address(text, (size_t)(equals - text), &entry.tcp, &entry.any_address))
            return false;
        path = equals + 1;
    }
    const size_t path_size = size - (size_t)(path - text);
    if (path_size == 0 || path_size >= sizeof entry.path || path[0] != '/' || entry_count == max_entries)
        return false;
    memcpy(entry.path, path, path_size);
    name_diversion(&entry);
    for (size_t i = 0; i < entry_count; ++i) {
        if (strcmp(entries[i].path, entry.path) == 0) /* nobody could tell whose clients come there */
            return memcmp(&entries[i], &entry, sizeof entry) == 0;
    }
    entries[entry_count++] = entry;
    return true;
}

static bool parse_allowed(const char* text, size_t size) {
    unsigned long number = 0;
    if (allowed_count == max_allowed || !parse_number(text, size, 0xffffffffUL, &number))
        return false;
    allowed[allowed_count++] = (uid_t)number;
    return true;
}

static void for_each_word(const char* variable, bool (*parse)(const char*, size_t)) {
    const char* text = getenv(variable);
    while (text != NULL && *text != '\0') {
        const size_t size = strcspn(text, " ,");
        if (size != 0 && !parse(text, size))
            fprintf(stderr, "snipass preload: %s: cannot use \"%.*s\"\n", variable, (int)size, text);
        text += size + strspn(text + size, " ,");
    }
}

void settings_load(void) {
    for_each_word("SNIPASS_LISTEN", parse_entry);
    for_each_word("SNIPASS_ALLOW_UID", parse_allowed);
}

bool settings_empty(void) {
    return entry_count == 0;
}

const uid_t* settings_allowed(size_t* count) {
    *count = allowed_count;
    return allowed;
}

static bool is_same_tcp(const struct entry* entry, const struct sockaddr* address) {
    const struct sockaddr_in* wanted = (const struct sockaddr_in*)&entry->tcp;
    const struct sockaddr_in* given =
        (const struct sockaddr_in*)address; /* the port has one place in both families */
    if (entry->tcp.ss_family == AF_UNSPEC || wanted->sin_port != given->sin_port)
        return false;
    if (entry->any_address)
        return true;
    if (entry->tcp.ss_family != address->sa_family)
        return false;
    if (address->sa_family == AF_INET)
        return wanted->sin_addr.s_addr == given->sin_addr.s_addr;
    return memcmp(&((const struct sockaddr_in6*)&entry->tcp)->sin6_addr,
                  &((const struct sockaddr_in6*)address)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

/* HAProxy binds PATH.PID.tmp and renames it to PATH; the socket goes by its first name for ever. */
static bool is_same_path(const char* path, const char* given, size_t size) {
    const size_t path_size = strlen(path);
    if (size < path_size || memcmp(path, given, path_size) != 0)
        return false;
    if (size == path_size)
        return true;
    const char* rest = given + path_size;
    const size_t digits = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    return digits != 0 && size == path_size + 1 + digits + 4 && memcmp(rest + 1 + digits, ".tmp", 4) == 0;
}

static bool is_same_unix(const struct entry* entry, const struct sockaddr_un* given, size_t size) {
    if (given->sun_path[0] != '\0')
        return is_same_path(entry->path, given->sun_path, strnlen(given->sun_path, size));
    const size_t prefix = strlen(entry->diversion);
    return size > 1 + prefix && memcmp(given->sun_path + 1, entry->diversion, prefix) == 0;
}

/* has_address: of a size that bind(2) would not refuse. */
static bool has_address(const struct sockaddr* address, socklen_t size) {
    switch (address->sa_family) {
    case AF_INET:
        return size >= sizeof(struct sockaddr_in);
    case AF_INET6:
        return size >= offsetof(struct sockaddr_in6, sin6_scope_id); /* RFC 2133's had no more */
    case AF_UNIX:
        return size > offsetof(struct sockaddr_un, sun_path) && size <= sizeof(struct sockaddr_un);
    default:
        return false;
    }
}

const struct entry* settings_entry_for(const struct sockaddr* address, socklen_t size) {
    if (!has_address(address, size))
        return NULL;
    for (size_t i = 0; i < entry_count; ++i) {
        const bool same = address->sa_family == AF_UNIX
                              ? is_same_unix(&entries[i], (const struct sockaddr_un*)address,
                                             size - offsetof(struct sockaddr_un, sun_path))
                              : is_same_tcp(&entries[i], address);
        if (same)
            return &entries[i];
    }
    return NULL;
}
