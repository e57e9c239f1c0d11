// SPDX-License-Identifier: BSL-1.0
/* See listeners.h. */
#include "listeners.h"

#include "lineage.h"
#include "next.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>

enum {
    max_listeners = 1024,
    note_magic = 0x736e6901,
};

/* Numbers, each one larger than it is; 0 is a free slot. Without a lock: close() is called in signal
 * handlers. */
static _Atomic int known[max_listeners];
static _Atomic int known_end; /* no slot behind it was ever taken */
static struct listener intended[max_listeners];
static atomic_bool is_intended[max_listeners], is_private[max_listeners];

static const struct entry* ask(int fd, struct sockaddr_un* address) {
    const int error = errno;
    socklen_t size = sizeof *address;
    const struct entry* entry = NULL;
    if (!settings_empty() && next_getsockname(fd, (struct sockaddr*)address, &size) == 0 &&
        address->sun_family == AF_UNIX)
        entry =
            settings_entry_for((struct sockaddr*)address, size < sizeof *address ? size : sizeof *address);
    errno = error;
    return entry;
}

const struct entry* listeners_entry(int fd) {
    struct sockaddr_un address;
    return ask(fd, &address);
}

/* --- the note --- */

/* The kernel keeps a program for each socket that filters what it receives, and gives it back. A listening
 * unix socket receives nothing, so ours does nothing: it is loads of constants, and the constants are the
 * note. */
struct note {
    uint32_t magic;
    uint8_t family, v6_only;
    in_port_t port;
    struct in6_addr host;
    uint64_t secret;
};

_Static_assert(sizeof(struct note) == 32, "no gaps");

enum {
    note_words = sizeof(struct note) / sizeof(uint32_t),
};

void listeners_write(const struct listener* listener) {
    const struct sockaddr_in6* v6 = (const struct sockaddr_in6*)&listener->address;
    const struct sockaddr_in* v4 = (const struct sockaddr_in*)&listener->address;
    struct note note = {.magic = note_magic,
                        .family = (uint8_t)listener->address.ss_family,
                        .v6_only = listener->v6_only,
                        .port = v4->sin_port, /* it is at the same offset in both families */
                        .secret = listener->secret};
    if (note.family == AF_INET6)
        note.host = v6->sin6_addr;
    else
        memcpy(&note.host, &v4->sin_addr, sizeof v4->sin_addr);
    struct sock_filter program[note_words + 1] = {[note_words] = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
    for (size_t i = 0; i < note_words; ++i) {
        program[i].code = BPF_LD | BPF_IMM;
        memcpy(&program[i].k, (const char*)&note + i * sizeof(uint32_t), sizeof(uint32_t));
    }
    const struct sock_fprog filter = {.len = note_words + 1, .filter = program};
    (void)next_setsockopt(listener->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

static bool read_note(int fd, struct note* note) {
    struct sock_filter program[note_words + 1];
    socklen_t count = note_words + 1; /* of instructions, not of bytes */
    if (next_getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, program, &count) != 0 || count != note_words + 1)
        return false;
    for (size_t i = 0; i < note_words; ++i)
        memcpy((char*)note + i * sizeof(uint32_t), &program[i].k, sizeof(uint32_t));
    return note->magic == note_magic;
}

/* slot_of: of an intention; -1: none. */
static int slot_of(int fd) {
    for (int i = 0; i < known_end; ++i)
        if (is_intended[i] && known[i] == fd + 1)
            return i;
    return -1;
}

void listeners_intend(const struct listener* listener) {
    for (int i = 0; i < known_end; ++i)
        if (known[i] == listener->fd + 1) {
            intended[i] = *listener;
            is_private[i] = lineage_is_child();
            is_intended[i] = true;
            return;
        }
}

void listeners_use(const struct listener* listener) {
    const int slot = slot_of(listener->fd);
    if (slot >= 0 && !is_private[slot]) {
        listeners_write(&intended[slot]);
        is_intended[slot] = false;
    }
    listeners_remember(listener->fd);
}

bool listeners_read(int fd, struct listener* listener) {
    const int error = errno;
    struct sockaddr_un address;
    *listener = (struct listener){.fd = fd, .entry = ask(fd, &address)};
    if (listener->entry == NULL)
        return false;
    const int slot = slot_of(fd);
    if (slot >= 0 && intended[slot].entry == listener->entry) {
        *listener = intended[slot];
        return true;
    }
    listener->address = listener->entry->tcp;
    listener->is_diversion = address.sun_path[0] == '\0';
    struct note note;
    if (listener->address.ss_family != AF_UNSPEC && read_note(fd, &note)) {
        struct sockaddr_in6* v6 = (struct sockaddr_in6*)&listener->address;
        struct sockaddr_in* v4 = (struct sockaddr_in*)&listener->address;
        listener->address = (struct sockaddr_storage){.ss_family = note.family};
        v4->sin_port = note.port;
        if (note.family == AF_INET6)
            v6->sin6_addr = note.host;
        else
            memcpy(&v4->sin_addr, &note.host, sizeof v4->sin_addr);
        listener->v6_only = note.v6_only != 0;
        listener->secret = note.secret;
    }
    errno = error;
    return true;
}

/* --- the numbers --- */

bool listeners_knows(int fd) {
    for (int i = 0; i < known_end; ++i)
        if (known[i] == fd + 1)
            return true;
    return false;
}

bool listeners_knows_another(int fd) {
    for (int i = 0; i < known_end; ++i)
        if (known[i] != 0 && known[i] != fd + 1)
            return true;
    return false;
}

void listeners_remember(int fd) {
    if (listeners_knows(fd))
        return;
    for (int i = 0; i < max_listeners; ++i) {
        int nothing = 0;
        if (known[i] != 0 || !atomic_compare_exchange_strong(&known[i], &nothing, fd + 1))
            continue;
        int end = known_end;
        while (end <= i && !atomic_compare_exchange_weak(&known_end, &end, i + 1))
            continue;
        return;
    }
}

void listeners_forget(int fd) {
    for (int i = 0; i < known_end; ++i) {
        int slot = fd + 1;
        if (atomic_compare_exchange_strong(&known[i], &slot, 0))
            is_intended[i] = false;
    }
}

/* is_listening: the router's connections have the name of the listener that they came to. */
static bool is_listening(int fd) {
    int listens = 0;
    socklen_t size = sizeof listens;
    return next_getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

bool listeners_next(size_t* at, const struct entry* entry, struct listener* listener) {
    while (*at < (size_t)known_end) {
        const int slot = known[(*at)++];
        if (slot != 0 && listeners_read(slot - 1, listener) && is_listening(slot - 1) &&
            (entry == NULL || listener->entry == entry))
            return true;
    }
    return false;
}
