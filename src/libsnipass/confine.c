// SPDX-License-Identifier: BSL-1.0
/* Landlock for TCP: what a server could do with a client's socket, and need not. The kernel asks for the
 * rights of the process that calls bind(2) or connect(2), whoever made the socket, in whatever network it is.
 *
 * The structures are the kernel's; Debian 12's headers know no network in them. */
#include <errno.h>
#include <snipass/snipass.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    version_of_abi = 1 << 0, /* LANDLOCK_CREATE_RULESET_VERSION */
    first_abi_with_tcp = 4,
    rule_for_port = 2, /* LANDLOCK_RULE_NET_PORT */
    bind_tcp = 1 << 0, /* LANDLOCK_ACCESS_NET_BIND_TCP */
    connect_tcp = 1 << 1,
};

struct ruleset {
    uint64_t files, network;
};

struct port_rule {
    uint64_t allowed, port;
};

static bool allow(int rules, uint64_t what, const uint16_t* ports, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        const struct port_rule rule = {.allowed = what, .port = ports[i]};
        if (syscall(SYS_landlock_add_rule, rules, rule_for_port, &rule, 0) != 0)
            return false;
    }
    return true;
}

/* restrict_self: without CAP_SYS_ADMIN the kernel wants a promise that no setuid program will be misled. */
static bool restrict_self(int rules) {
    if (syscall(SYS_landlock_restrict_self, rules, 0) == 0)
        return true;
    return errno == EPERM && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}

int snipass_confine(const struct snipass_confinement* but) {
    static const struct snipass_confinement nothing;
    if (but == NULL)
        but = &nothing;
    const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, version_of_abi);
    if (abi < 0)
        return -1;
    if (abi < first_abi_with_tcp) {
        errno = EPROTONOSUPPORT;
        return -1;
    }
    const struct ruleset ruleset = {.network = bind_tcp | connect_tcp};
    const int rules = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
    if (rules < 0)
        return -1;
    const bool done = allow(rules, bind_tcp, but->bind, but->bind_count) &&
                      allow(rules, connect_tcp, but->connect, but->connect_count) && restrict_self(rules);
    const int error = errno;
    close(rules);
    errno = error;
    return done ? 0 : -1;
}
