// SPDX-License-Identifier: BSL-1.0
/* A server that forks in signal handlers, as some do to reload or to dump. test_preload_clients.py starts it.
 *
 *   accept: the signal comes while accept() waits; parent and child both take a client.
 *   often:  it comes again and again in a loop of accept() and close(). */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    children = 200,
    pause_us = 1000,
};

static volatile sig_atomic_t forks;
static volatile pid_t child = -1;
static int child_log = -1;

static int listen_at_443(int flags) {
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(443)};
    const int listener = socket(AF_INET, SOCK_STREAM | flags, 0);
    if (bind(listener, (const struct sockaddr*)&address, sizeof address) != 0 || listen(listener, 64) != 0) {
        perror("listen");
        exit(1);
    }
    return listener;
}

static void on_signal(int number, void (*handler)(int)) {
    const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(number, &action, NULL);
}

static void fork_and_open_log(int number) {
    (void)number;
    child = fork();
    if (child == 0)
        child_log = open("/dev/null", O_WRONLY);
}

static int accept_in_both(void) {
    const int listener = listen_at_443(0);
    on_signal(SIGALRM, fork_and_open_log);
    const struct itimerval once = {.it_value.tv_usec = 100000}; /* accept() waits by then */
    setitimer(ITIMER_REAL, &once, NULL);
    const int client = accept(listener, NULL, NULL);
    const char* what = client >= 0 ? "a client" : strerror(errno);
    struct stat log = {0};
    if (child == 0)
        printf("child: %s, and its log %s\n", what,
               fstat(child_log, &log) == 0 && S_ISCHR(log.st_mode) ? "as it was" : "is gone");
    else
        printf("parent: %s\n", what);
    fflush(stdout);
    if (child > 0)
        waitpid(child, NULL, 0);
    return 0;
}

static void fork_and_end(int number) {
    (void)number;
    const int error = errno;
    const pid_t made = fork();
    if (made == 0)
        _exit(0);
    waitpid(made, NULL, 0);
    ++forks;
    errno = error;
}

static int fork_often(void) {
    const int listener = listen_at_443(SOCK_NONBLOCK);
    on_signal(SIGALRM, fork_and_end);
    const struct itimerval again = {.it_value.tv_usec = pause_us, .it_interval.tv_usec = pause_us};
    setitimer(ITIMER_REAL, &again, NULL);
    while (forks < children) {
        (void)accept(listener, NULL, NULL);
        close(dup(listener));
    }
    printf("%d children\n", children);
    return 0;
}

int main(int count, char** arguments) {
    return count == 2 && strcmp(arguments[1], "accept") == 0 ? accept_in_both() : fork_often();
}
