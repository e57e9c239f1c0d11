// SPDX-License-Identifier: BSL-1.0
/* See unix_bind.h. */
#include "snipass/handoff/unix_bind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    lock_attempts = 20,
    lock_pause = 10000000, /* ns */
};

/* lock_folder: between its bind() and its listen() a new socket looks like a dead one. Whoever makes or
 * replaces one therefore holds a lock on the folder, which ends with the descriptor. Where that cannot be had
 * (the folder may not be read, or a stranger keeps it locked) it goes without. */
static int lock_folder(const char* path) {
    char folder[sizeof(struct sockaddr_un)] = ".";
    const char* slash = strrchr(path, '/');
    if (slash != NULL) {
        memcpy(folder, path, (size_t)(slash - path) + 1);
        folder[slash - path + 1] = '\0';
    }
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct timespec pause = {.tv_nsec = lock_pause};
    for (int i = 0; fd >= 0 && i < lock_attempts && flock(fd, LOCK_EX | LOCK_NB) != 0; ++i)
        if (errno != EWOULDBLOCK || nanosleep(&pause, NULL) != 0)
            break;
    return fd;
}

/* is_stale: the file is a socket, and nobody listens behind it. What is no socket is nobody's to remove.
 * False: errno says why it is not, or why that cannot be found out. */
static bool is_stale(const struct handoff_calls* calls, const struct sockaddr_un* address, int type) {
    struct stat status;
    /* connect() to a regular file is refused just the same. */
    errno = EADDRINUSE;
    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    const int probe = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return false; /* out of descriptors, or of memory */
    const bool refused =
        calls->connect(probe, (const struct sockaddr*)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    calls->close(probe);
    errno = EADDRINUSE;
    return refused;
}

static bool bind_or_replace(const struct handoff_calls* calls, int fd, const struct sockaddr_un* address,
                            int type) {
    if (calls->bind(fd, (const struct sockaddr*)address, sizeof *address) == 0)
        return true;
    if (errno != EADDRINUSE)
        return false;
    if (!is_stale(calls, address, type))
        return false;
    (void)unlink(address->sun_path);
    return calls->bind(fd, (const struct sockaddr*)address, sizeof *address) == 0;
}

/* set_mode_by_path is for where there is no /proc (a chroot): chmod() follows a link, so it must not be one.
 */
static int set_mode_by_path(const char* path, const struct stat* file, unsigned mode) {
    struct stat now;
    if (lstat(path, &now) != 0)
        return -1;
    if (!S_ISSOCK(now.st_mode) || now.st_dev != file->st_dev || now.st_ino != file->st_ino) {
        errno = ELOOP;
        return -1;
    }
    return chmod(path, mode);
}

/* chmod() would follow a link, and there is no fchmod() for a socket's file but by this name of it. */
static int set_mode_of(int file, const char* path, unsigned mode) {
    struct stat status;
    if (fstat(file, &status) != 0)
        return -1;
    if (!S_ISSOCK(status.st_mode)) {
        errno = ELOOP;
        return -1;
    }
    if ((status.st_mode & 07777) == mode)
        return 0;
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    const int result = chmod(name, mode);
    return result != 0 && errno == ENOENT ? set_mode_by_path(path, &status, mode) : result;
}

int unix_set_mode(const struct handoff_calls* calls, const char* path, unsigned mode) {
    const int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return -1;
    const int result = set_mode_of(file, path, mode);
    const int error = errno;
    calls->close(file);
    errno = error;
    return result;
}

int unix_listen(const struct handoff_calls* calls, int fd, const char* path, unsigned mode, int backlog) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t size = strlen(path);
    if (size == 0 || size >= sizeof address.sun_path) {
        errno = size == 0 ? EINVAL : ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, size + 1);
    int type = SOCK_STREAM;
    socklen_t type_size = sizeof type;
    (void)calls->getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size);
    /* The mode is there from the start, less what umask takes; that is given back. */
    if (fchmod(fd, mode) != 0)
        return -1;
    const int lock = lock_folder(path);
    const bool is_bound = bind_or_replace(calls, fd, &address, type);
    const bool done =
        is_bound && unix_set_mode(calls, path, mode) == 0 && (type == SOCK_DGRAM || listen(fd, backlog) == 0);
    const int error = errno;
    if (is_bound && !done)
        (void)unlink(path); /* half made, it would look like a dead one, or be open to too many */
    if (lock >= 0) {
        (void)flock(lock, LOCK_UN); /* a fork in another thread may have a copy */
        calls->close(lock);
    }
    errno = error;
    return done ? 0 : -1;
}
