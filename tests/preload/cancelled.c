// SPDX-License-Identifier: BSL-1.0
/* Threads that are cancelled in accept(), for libsnipass_preload.so: what they had taken of the library's
 * must be free again.
 *
 *     cancelled ROUNDS     in each of which one is cancelled somewhere in or around accept(), which others
 * must still be able to call
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    patience = 20, /* s; for a thread that hangs for ever */
    blocked_threads = 8,
};

static int listener(uint16_t port, int flags) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr*)&address, sizeof address) != 0 || listen(fd, 64) != 0) {
        perror("listener");
        exit(1);
    }
    return fd;
}

static void* accept_for_ever(void* fd) {
    for (;;)
        (void)accept(*(int*)fd, NULL, NULL);
}

static int descriptors(void) {
    DIR* folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder) != NULL)
        ++count;
    closedir(folder);
    return count;
}

static void cancel_one(int* fd, int after_us) {
    pthread_t thread;
    pthread_create(&thread, NULL, accept_for_ever, fd);
    usleep((useconds_t)after_us);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
}

/* hangs: nothing can be done about a lock that is held for ever, so each round is a process. */
static int hangs(int* fd, int round) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(patience);
        cancel_one(fd, 300 + 37 * round % 2000);
        (void)accept(*fd, NULL, NULL);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status);
}

int main(int argc, char** argv) {
    int fd = listener(443, SOCK_NONBLOCK);
    const int rounds = argc > 1 ? atoi(argv[1]) : 1;
    for (int round = 0; round < rounds; ++round)
        if (hangs(&fd, round)) {
            puts("accept() hangs");
            return 1;
        }
    close(fd);

    fd = listener(443, 0);
    const int before = descriptors();
    for (int i = 0; i < blocked_threads; ++i)
        cancel_one(&fd, 20000);
    printf("%d descriptors leaked\n", descriptors() - before);
    close(fd);
    return 0;
}
