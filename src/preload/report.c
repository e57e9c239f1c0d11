/* See report.h. */
#include "report.h"

#include "next.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    max_line = 512,
};

/* is_stderr: of a server that has closed its own the number may be anybody's, a client or a file of its data.
 * Nor may a full pipe hold up the server. */
static bool is_stderr(int fd) {
    struct stat status;
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    int domain = 0;
    socklen_t size = sizeof domain;
    if (fstat(fd, &status) != 0 || poll(&one, 1, 0) != 1 || one.revents != POLLOUT)
        return false;
    if (S_ISREG(status.st_mode))
        return (fcntl(fd, F_GETFL) & O_APPEND) != 0;
    return !S_ISSOCK(status.st_mode) ||
           (next_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX);
}

/* write_line: whoever reads may have gone since. SIGPIPE would be the server's death, and one that is pending
 * already is somebody else's. */
static void write_line(const char* line, size_t size) {
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    (void)sigpending(&pending);
    (void)pthread_sigmask(SIG_BLOCK, &pipe, &before);
    const struct timespec now = {0};
    if (write(STDERR_FILENO, line, size) < 0 && errno == EPIPE && sigismember(&pending, SIGPIPE) == 0)
        (void)sigtimedwait(&pipe, NULL, &now);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void report(const char* format, ...) {
    const int error = errno;
    char line[max_line] = "snipass preload: ";
    const size_t prefix = sizeof "snipass preload: " - 1;
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line + prefix, sizeof line - prefix - 1, format, arguments);
    va_end(arguments);
    if (length >= 0 && is_stderr(STDERR_FILENO)) {
        size_t size = prefix + (size_t)length;
        if (size > sizeof line - 2)
            size = sizeof line - 2;
        line[size] = '\n';
        write_line(line, size + 1);
    }
    errno = error;
}
