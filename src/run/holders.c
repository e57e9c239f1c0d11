// SPDX-License-Identifier: BSL-1.0
/* See holders.h. */
#include "holders.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    tcp_listen = 0x0a,
    unix_listens = 0x00010000, /* __SO_ACCEPTCON in net/unix/af_unix.c */
};

static void add(struct inodes* inodes, unsigned long number) {
    if (number != 0 && inodes->count < max_inodes)
        inodes->numbers[inodes->count++] = number;
}

/* is_bound_to: HAProxy binds PATH.PID.tmp and renames it to PATH; the socket goes by its first name for ever.
 */
static bool is_bound_to(const char* name, const char* path) {
    const size_t size = strlen(path);
    if (strncmp(name, path, size) != 0)
        return false;
    const char* rest = name + size;
    const size_t digits = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    return *rest == '\0' || (digits != 0 && strcmp(rest + 1 + digits, ".tmp") == 0);
}

int holders_find_unix(const char* path, struct inodes* inodes) {
    FILE* file = fopen("/proc/net/unix", "re");
    char line[512];
    if (file == NULL)
        return errno;
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned flags = 0;
        unsigned long inode = 0;
        int at = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%*s %*x %*x %x %*x %*x %lu %n", &flags, &inode, &at) == 2 && at != 0 &&
            (flags & unix_listens) != 0 && is_bound_to(line + at, path))
            add(inodes, inode);
    }
    fclose(file);
    return 0;
}

static int find_tcp_in(const char* table, unsigned port, struct inodes* inodes) {
    FILE* file = fopen(table, "re");
    char line[512];
    if (file == NULL)
        return errno;
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned here = 0, state = 0;
        unsigned long inode = 0;
        if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*d %*d %lu", &here, &state,
                   &inode) == 3 &&
            here == port && state == tcp_listen)
            add(inodes, inode);
    }
    fclose(file);
    return 0;
}

int holders_find_tcp(unsigned port, struct inodes* inodes) {
    (void)find_tcp_in("/proc/net/tcp6", port, inodes); /* a kernel without IPv6 has none */
    return find_tcp_in("/proc/net/tcp", port, inodes);
}

/* --- processes --- */

static bool is_among(const char* target, const struct inodes* inodes) {
    unsigned long number = 0;
    if (sscanf(target, "socket:[%lu]", &number) != 1)
        return false;
    for (size_t i = 0; i < inodes->count; ++i)
        if (inodes->numbers[i] == number)
            return true;
    return false;
}

static bool has_socket(const char* pid, const struct inodes* inodes) {
    char path[600], target[64];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR* folder = opendir(path);
    bool found = false;
    for (struct dirent* entry; !found && folder != NULL && (entry = readdir(folder)) != NULL;) {
        const ssize_t n = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        found = is_among(target, inodes);
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

/* has_another: paths are told of all mount namespaces alike. Where this process's own cannot be seen, or does
 * not show the file (a chroot), nothing speaks against it. */
static bool has_another(const char* pid, const char* path) {
    char theirs[600];
    struct stat ours_is, theirs_is;
    snprintf(theirs, sizeof theirs, "/proc/%s/root%s", pid, path);
    if (stat(path, &ours_is) != 0)
        return errno == ENOENT || errno == ENOTDIR;
    return stat(theirs, &theirs_is) == 0 &&
           (ours_is.st_dev != theirs_is.st_dev || ours_is.st_ino != theirs_is.st_ino);
}

static bool has_library(const char* pid) {
    char path[600], line[4400];
    snprintf(path, sizeof path, "/proc/%s/maps", pid);
    FILE* file = fopen(path, "re");
    bool found = false;
    while (!found && file != NULL && fgets(line, sizeof line, file) != NULL)
        found = strstr(line, "/libsnipass_preload.so") != NULL;
    if (file != NULL)
        fclose(file);
    return found;
}

static void read_name(const char* pid, char* name, size_t size) {
    char path[600];
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    FILE* file = fopen(path, "re");
    if (file == NULL || fgets(name, (int)size, file) == NULL)
        snprintf(name, size, "?");
    name[strcspn(name, "\n")] = '\0';
    if (file != NULL)
        fclose(file);
}

bool holders_first(const struct inodes* inodes, const char* path, struct holder* holder) {
    DIR* processes = opendir("/proc");
    bool found = false;
    for (struct dirent* entry; processes != NULL && (entry = readdir(processes)) != NULL;) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !has_socket(entry->d_name, inodes) ||
            (path != NULL && has_another(entry->d_name, path)))
            continue;
        const bool with = has_library(entry->d_name);
        if (found && !with)
            continue;
        found = true;
        holder->pid = (pid_t)strtol(entry->d_name, NULL, 10);
        holder->has_library = with;
        read_name(entry->d_name, holder->name, sizeof holder->name);
        if (with)
            break;
    }
    if (processes != NULL)
        closedir(processes);
    return found;
}
