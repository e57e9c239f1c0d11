/* libsnipass_preload.so: an unmodified server takes handed-off clients (docs/backends.md).
 *
 * It stands in front of the few functions that a server uses to listen and to accept. A listener of ours is a
 * unix stream socket: the kernel wakes event loops, workers and blocked threads for it as it does for TCP,
 * and this library only turns what accept() got, the router's connection, into what came over it, the client.
 * For all other sockets nothing changes. */
#include "addresses.h"
#include "binding.h"
#include "inheritance.h"
#include "listeners.h"
#include "next.h"
#include "options.h"
#include "settings.h"
#include "taking.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    max_lies = 32,        /* in one accept(): then the event loop gets its turn */
    max_inherited = 1024, /* bytes of SNIPASS_INHERITED */
    saved_variables = 3,
};

#define EXPORT __attribute__((visibility("default")))

EXPORT int our_accept(int, struct sockaddr*, socklen_t*) __asm__("accept");
EXPORT int our_accept4(int, struct sockaddr*, socklen_t*, int) __asm__("accept4");
EXPORT int our_bind(int, const struct sockaddr*, socklen_t) __asm__("bind");
EXPORT int our_close(int) __asm__("close");
EXPORT int our_getpeername(int, struct sockaddr*, socklen_t*) __asm__("getpeername");
EXPORT int our_getsockname(int, struct sockaddr*, socklen_t*) __asm__("getsockname");
EXPORT int our_getsockopt(int, int, int, void*, socklen_t*) __asm__("getsockopt");
EXPORT int our_setsockopt(int, int, int, const void*, socklen_t) __asm__("setsockopt");
EXPORT int our_execve(const char*, char* const[], char* const[]) __asm__("execve");

static pid_t
    process; /* what is remembered belongs to it; a vfork()ed child shares the memory, not the descriptors */
static char* saved[saved_variables];
static const char* const saved_names[saved_variables] = {
    "LD_PRELOAD=", "SNIPASS_LISTEN=", "SNIPASS_ALLOW_UID="};

/* without_cancelling: much of what we call is a cancellation point (close, recv, poll), and a thread that
 * ended there would take a lock or a descriptor of ours with it. Returns what to restore. */
static int without_cancelling(void) {
    int before = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

/* --- start and fork --- */

static void after_fork_in_parent(void) {
    taking_after_fork(false);
}

static void after_fork_in_child(void) {
    process = getpid();
    taking_after_fork(true);
}

/* Servers clear their environment (nginx), or write over it (process titles): what exec needs is kept apart.
 */
static void save_environment(void) {
    for (size_t i = 0; i < saved_variables; ++i) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strlen(saved_names[i]) - 1, saved_names[i]);
        const char* value = getenv(name);
        if (value != NULL && asprintf(&saved[i], "%s%s", saved_names[i], value) < 0)
            saved[i] = NULL;
    }
}

__attribute__((constructor)) static void start(void) {
    next_resolve();
    settings_load();
    if (settings_empty())
        return;
    process = getpid();
    save_environment();
    inheritance_read();
    pthread_atfork(taking_before_fork, after_fork_in_parent, after_fork_in_child);
}

/* --- accept --- */

static void release(void* reserved) {
    taking_release(*(const int*)reserved);
}

/* accept_connection is where a thread that waits for a client may be cancelled, as on TCP, and nothing of
 * ours stays behind. */
static int accept_connection(int listener, int flags, int cancel_state) {
    int reserved = taking_reserve(listener);
    if (reserved < 0)
        return -1;
    int connection = -1;
    pthread_cleanup_push(release, &reserved);
    pthread_setcancelstate(cancel_state, NULL);
    connection = next_accept4(listener, NULL, NULL, flags);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cleanup_pop(true);
    return connection;
}

static int accept_client(int listener, const struct entry* entry, struct sockaddr* address, socklen_t* size,
                         int flags, int cancel_state) {
    struct sockaddr_storage peer;
    int client = -1;
    for (int lies = 0; lies < max_lies; ++lies) {
        const int connection = accept_connection(listener, flags, cancel_state);
        if (connection < 0)
            return -1;
        const enum taking_result result = taking_client(listener, connection, flags, &client, &peer);
        if (result == taking_done) {
            const struct listener believed = listeners_of(listener, entry);
            options_give(entry, believed.address.ss_family, client);
            addresses_give_peer(&believed, peer, address, size);
            return client;
        }
        if (result == taking_full) {
            errno = EMFILE;
            return -1;
        }
        /* An event loop gets the next client, or EAGAIN. A server that may have polled, and must not be kept
         * here: one failure. */
        if ((fcntl(listener, F_GETFL) & O_NONBLOCK) == 0)
            break;
    }
    errno = ECONNABORTED;
    return -1;
}

int our_accept4(int listener, struct sockaddr* address, socklen_t* size, int flags) {
    const struct entry* entry = listeners_entry(listener);
    if (entry == NULL)
        return next_accept4(listener, address, size, flags);
    const int cancel_state = without_cancelling();
    const int client = accept_client(listener, entry, address, size, flags, cancel_state);
    pthread_setcancelstate(cancel_state, NULL);
    return client;
}

int our_accept(int listener, struct sockaddr* address, socklen_t* size) {
    return our_accept4(listener, address, size, 0);
}

/* --- what servers do around it --- */

/* emulated: a unix socket that the server believes to be a TCP listener. */
static const struct entry* emulated(int fd) {
    const struct entry* entry = listeners_entry(fd);
    return entry != NULL && entry->tcp.ss_family != AF_UNSPEC ? entry : NULL;
}

int our_bind(int fd, const struct sockaddr* address, socklen_t size) {
    const struct entry* entry = settings_empty() || address == NULL || size < sizeof address->sa_family
                                    ? NULL
                                    : settings_entry_for(address, size);
    int type = 0;
    socklen_t type_size = sizeof type;
    if (entry == NULL || next_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 ||
        type != SOCK_STREAM)
        return next_bind(fd, address, size);
    if (emulated(fd) != NULL) {
        errno = EINVAL; /* bound already */
        return -1;
    }
    const int cancel_state = without_cancelling();
    const int result = address->sa_family == AF_UNIX ? binding_unix(fd, address, size, entry)
                                                     : binding_tcp(fd, address, size, entry);
    pthread_setcancelstate(cancel_state, NULL);
    return result;
}

int our_close(int fd) {
    if (fd >= 0 && !settings_empty() && getpid() == process) {
        const int error = errno;
        const int cancel_state = without_cancelling();
        taking_before_close(fd);
        binding_before_close(fd);
        pthread_setcancelstate(cancel_state, NULL);
        errno = error;
    }
    return next_close(fd);
}

/* give_fitting: the router's socket for an IPv4 client may be an IPv6 one, and the server have room for IPv4
 * only. */
static int give_fitting(int (*ask)(int, struct sockaddr*, socklen_t*), int fd, struct sockaddr* address,
                        socklen_t* size) {
    const socklen_t room = size != NULL ? *size : 0;
    const int result = ask(fd, address, size);
    if (result != 0 || settings_empty() || room < sizeof(struct sockaddr_in) ||
        room >= sizeof(struct sockaddr_in6) || address->sa_family != AF_INET6)
        return result;
    struct sockaddr_storage whole;
    socklen_t whole_size = sizeof whole;
    if (ask(fd, (struct sockaddr*)&whole, &whole_size) != 0 ||
        !IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6*)&whole)->sin6_addr))
        return result;
    whole = addresses_as_v4(&whole);
    *size = room;
    addresses_give(&whole, address, size);
    return 0;
}

int our_getpeername(int fd, struct sockaddr* address, socklen_t* size) {
    return give_fitting(next_getpeername, fd, address, size);
}

int our_getsockname(int fd, struct sockaddr* address, socklen_t* size) {
    const socklen_t room = size != NULL ? *size : 0;
    const int result = give_fitting(next_getsockname, fd, address, size);
    if (result != 0 || settings_empty() || room < sizeof address->sa_family || address->sa_family != AF_UNIX)
        return result;
    const struct entry* entry = emulated(fd);
    if (entry == NULL)
        return result;
    const struct listener believed = listeners_of(fd, entry);
    *size = room;
    addresses_give(&believed.address, address, size);
    return 0;
}

int our_setsockopt(int fd, int level, int option, const void* value, socklen_t size) {
    const struct entry* entry = settings_empty() ? NULL : emulated(fd);
    if (entry == NULL)
        return next_setsockopt(fd, level, option, value, size);
    const int cancel_state = without_cancelling();
    const sa_family_t family = listeners_of(fd, entry).address.ss_family;
    const int result = options_set(entry, family, level, option, value, size);
    if (result == 0 && level == SOL_SOCKET && option == SO_RCVTIMEO)
        (void)next_setsockopt(fd, level, option, value, size); /* accept() obeys it, too */
    pthread_setcancelstate(cancel_state, NULL);
    return result;
}

/* is_the_sockets: what a unix listener answers as TCP would. */
static bool is_the_sockets(int level, int option) {
    return level == SOL_SOCKET && (option == SO_TYPE || option == SO_ERROR || option == SO_ACCEPTCONN ||
                                   option == SO_COOKIE || option == SO_PEERCRED);
}

int our_getsockopt(int fd, int level, int option, void* value, socklen_t* size) {
    const struct entry* entry =
        settings_empty() || is_the_sockets(level, option) || value == NULL || size == NULL ? NULL
                                                                                           : emulated(fd);
    if (entry == NULL)
        return next_getsockopt(fd, level, option, value, size);
    const struct listener believed = listeners_of(fd, entry);
    if (level == IPPROTO_IPV6 && option == IPV6_V6ONLY && believed.address.ss_family == AF_INET6) {
        const int answer = believed.v6_only;
        *size = *size < sizeof answer ? *size : sizeof answer;
        memcpy(value, &answer, *size);
        return 0;
    }
    const int cancel_state = without_cancelling();
    const int result = options_get(entry, believed.address.ss_family, level, option, value, size);
    pthread_setcancelstate(cancel_state, NULL);
    return result;
}

/* --- exec --- */

static bool is_variable(const char* text, const char* name) {
    return strncmp(text, name, strlen(name)) == 0;
}

/* A program that inherits a listener (nginx's upgrade of its binary) must find it to be one, whatever
 * environment it is given. */
int our_execve(const char* path, char* const argv[], char* const envp[]) {
    char inherited[max_inherited];
    if (settings_empty() || envp == NULL || !inheritance_write(inherited, sizeof inherited))
        return next_execve(path, argv, envp);
    size_t count = 0;
    while (envp[count] != NULL)
        ++count;
    /* On the stack: after vfork() the heap is the parent's. */
    char* environment[count + saved_variables + 2];
    bool has[saved_variables] = {false};
    size_t n = 0;
    for (size_t i = 0; i < count; ++i) {
        if (is_variable(envp[i], "SNIPASS_INHERITED="))
            continue;
        for (size_t j = 0; j < saved_variables; ++j)
            has[j] = has[j] || is_variable(envp[i], saved_names[j]);
        environment[n++] = envp[i];
    }
    for (size_t j = 0; j < saved_variables; ++j)
        if (!has[j] && saved[j] != NULL)
            environment[n++] = saved[j];
    environment[n++] = inherited;
    environment[n] = NULL;
    return next_execve(path, argv, environment);
}
