/* See unix_bind.h. */
#include "unix_bind.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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

int unix_bind(int fd, const char* path) {
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
    if (bind(fd, (const struct sockaddr*)&address, sizeof address) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -1;
    if (!is_stale(&address, type)) {
        errno = EADDRINUSE;
        return -1;
    }
    (void)unlink(path);
    return bind(fd, (const struct sockaddr*)&address, sizeof address);
}
