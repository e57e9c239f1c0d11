// SPDX-License-Identifier: BSL-1.0
/* See options.h. */
#include "options.h"

#include "next.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

enum {
    max_sets = 32, /* of settings.c's entries, in two families */
    max_options = 32,
    max_size = 16, /* the longest are a struct timeval, and the name of a congestion control */
};

struct option {
    int level, option;
    socklen_t size;
    unsigned char value[max_size];
};

/* Guarded by the order of events, as listeners.c's. */
static struct set {
    const struct entry* entry;
    sa_family_t family;
    size_t count;
    struct option options[max_options];
} sets[max_sets];

/* What is collected. Those that belong to the listener alone come first. */
static const struct {
    int level, option;
} known[] = {
    {SOL_SOCKET, SO_REUSEADDR},
    {SOL_SOCKET, SO_REUSEPORT},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {IPPROTO_TCP, TCP_FASTOPEN},
    {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_LINGER},
    {SOL_SOCKET, SO_SNDTIMEO},
    {SOL_SOCKET, SO_RCVTIMEO},
    {SOL_SOCKET, SO_RCVBUF},
    {SOL_SOCKET, SO_SNDBUF},
    {SOL_SOCKET, SO_PRIORITY},
    {SOL_SOCKET, SO_MARK},
    {SOL_SOCKET, SO_OOBINLINE},
    {SOL_SOCKET, SO_RCVLOWAT},
    {SOL_SOCKET, SO_MAX_PACING_RATE},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_LINGER2},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_TCP, TCP_CONGESTION},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IPV6, IPV6_TCLASS},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
};
enum {
    first_inherited = 4,
    known_count = sizeof known / sizeof known[0]
};

static bool is_inherited(const struct option* option) {
    for (size_t i = first_inherited; i < known_count; ++i)
        if (known[i].level == option->level && known[i].option == option->option)
            return true;
    return false;
}

static struct set* set_of(const struct entry* entry, sa_family_t family) {
    for (size_t i = 0; i < max_sets; ++i) {
        if (sets[i].entry == NULL)
            sets[i] = (struct set){.entry = entry, .family = family};
        if (sets[i].entry == entry && sets[i].family == family)
            return &sets[i];
    }
    return NULL;
}

static void keep(struct set* set, const struct option* option) {
    size_t at = 0;
    while (at < set->count &&
           (set->options[at].level != option->level || set->options[at].option != option->option))
        ++at;
    if (at == max_options)
        return;
    set->options[at] = *option;
    if (at == set->count)
        ++set->count;
}

static bool read_option(int fd, struct option* option) {
    option->size = sizeof option->value;
    memset(option->value, 0, sizeof option->value);
    return next_getsockopt(fd, option->level, option->option, option->value, &option->size) == 0;
}

/* open_tcp is a TCP socket that has what is kept. */
static int open_tcp(const struct set* set, sa_family_t family) {
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (size_t i = 0; fd >= 0 && set != NULL && i < set->count; ++i)
        (void)next_setsockopt(fd, set->options[i].level, set->options[i].option, set->options[i].value,
                              set->options[i].size);
    return fd;
}

static int close_keeping_error(int fd, int result) {
    const int error = errno;
    if (fd >= 0)
        next_close(fd);
    errno = error;
    return result;
}

void options_collect(int fd, const struct entry* entry, sa_family_t family) {
    struct set* set = set_of(entry, family);
    const int fresh = open_tcp(NULL, family);
    if (set != NULL)
        set->count = 0;
    for (size_t i = 0; set != NULL && fresh >= 0 && i < known_count; ++i) {
        struct option option = {.level = known[i].level, .option = known[i].option}, usual = option;
        if (!read_option(fd, &option) || !read_option(fresh, &usual) ||
            memcmp(option.value, usual.value, sizeof usual.value) == 0)
            continue;
        if (option.level == SOL_SOCKET && (option.option == SO_RCVBUF || option.option == SO_SNDBUF)) {
            int doubled = 0; /* socket(7) */
            memcpy(&doubled, option.value, sizeof doubled);
            doubled /= 2;
            memcpy(option.value, &doubled, sizeof doubled);
        }
        keep(set, &option);
    }
    (void)close_keeping_error(fresh, 0);
}

/* is_pointer: the value is one, and what it points to will be gone. */
static bool is_pointer(int level, int option) {
    return level == SOL_SOCKET && (option == SO_ATTACH_FILTER || option == SO_ATTACH_REUSEPORT_CBPF);
}

int options_set(const struct entry* entry, sa_family_t family, int level, int option, const void* value,
                socklen_t size) {
    struct set* set = set_of(entry, family);
    const int tcp = open_tcp(set, family);
    const int result = tcp < 0 ? -1 : next_setsockopt(tcp, level, option, value, size);
    struct option kept = {.level = level, .option = option, .size = size};
    if (result == 0 && set != NULL && size <= sizeof kept.value && !is_pointer(level, option)) {
        memcpy(kept.value, value, size);
        keep(set, &kept);
    }
    return close_keeping_error(tcp, result);
}

int options_get(const struct entry* entry, sa_family_t family, int level, int option, void* value,
                socklen_t* size) {
    const int tcp = open_tcp(set_of(entry, family), family);
    return close_keeping_error(tcp, tcp < 0 ? -1 : next_getsockopt(tcp, level, option, value, size));
}

void options_give(const struct entry* entry, sa_family_t family, int client) {
    const struct set* set = set_of(entry, family);
    for (size_t i = 0; set != NULL && i < set->count; ++i)
        if (is_inherited(&set->options[i]))
            (void)next_setsockopt(client, set->options[i].level, set->options[i].option,
                                  set->options[i].value, set->options[i].size);
}

void options_wait(int tcp, int listener) {
    struct option timeout = {.level = SOL_SOCKET, .option = SO_RCVTIMEO};
    if (read_option(tcp, &timeout))
        (void)next_setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, timeout.value, timeout.size);
}
