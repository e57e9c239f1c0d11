/* See unix_bind.h. */
#include "unix_bind.h"

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

/* is_stale: the file is a socket, and nobody listens behind it. What is no socket is nobody's to remove. */
static bool is_stale(const struct sockaddr_un* address, int type) {
    struct stat status;
    /* connect() to a regular file is refused just the same. */
    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    const int probe = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return false;
    const bool refused =
        connect(probe, (const struct sockaddr*)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    close(probe);
    return refused;
}

static bool bind_or_replace(int fd, const struct sockaddr_un* address, int type) {
    if (bind(fd, (const struct sockaddr*)address, sizeof *address) == 0)
        return true;
    if (errno != EADDRINUSE)
        return false;
    if (!is_stale(address, type)) {
        errno = EADDRINUSE;
        return false;
    }
    (void)unlink(address->sun_path);
    return bind(fd, (const struct sockaddr*)address, sizeof *address) == 0;
}

/* chmod() would follow a link, and there is no fchmod() for a socket's file but by this name of it. */
static int set_mode_of(int file, unsigned mode) {
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
    return chmod(name, mode);
}

int unix_set_mode(const char* path, unsigned mode) {
    const int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return -1;
    const int result = set_mode_of(file, mode);
    const int error = errno;
    close(file);
    errno = error;
    return result;
}

int unix_listen(int fd, const char* path, unsigned mode, int backlog) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t size = strlen(path);
    if (size == 0 || size >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, size + 1);
    int type = SOCK_STREAM;
    socklen_t type_size = sizeof type;
    (void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size);
    /* The mode is there from the start, less what umask takes; that is given back. */
    if (fchmod(fd, mode) != 0)
        return -1;
    const int lock = lock_folder(path);
    const bool done = bind_or_replace(fd, &address, type) && unix_set_mode(path, mode) == 0 &&
                      (type != SOCK_STREAM || listen(fd, backlog) == 0);
    const int error = errno;
    if (lock >= 0) {
        (void)flock(lock, LOCK_UN); /* a fork in another thread may have a copy */
        close(lock);
    }
    errno = error;
    return done ? 0 : -1;
}
