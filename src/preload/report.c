// SPDX-License-Identifier: BSL-1.0
/* See report.h. */
#include "report.h"

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

static struct stat first;

void report_start(void) {
    if (fstat(STDERR_FILENO, &first) != 0)
        first = (struct stat){0};
}

/* is_stderr: of a server that has closed its own the number may be anybody's, a client or a file of its data.
 * So it is what it was at first, or a log. Nor may a full pipe hold up the server. */
static bool is_stderr(int fd) {
    struct stat now;
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    if (fstat(fd, &now) != 0 || poll(&one, 1, 0) != 1 || one.revents != POLLOUT)
        return false;
    const bool is_log = S_ISREG(now.st_mode) && (fcntl(fd, F_GETFL) & O_APPEND) != 0;
    return is_log || (first.st_ino != 0 && now.st_ino == first.st_ino && now.st_dev == first.st_dev);
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
