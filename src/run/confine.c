// SPDX-License-Identifier: BSL-1.0
/* See confine.h. */
#include "confine.h"

#include "fail.h"

#include <errno.h>
#include <snipass/snipass.h>
#include <stdlib.h>
#include <string.h>

bool confine_read_ports(const char* text, struct ports* ports) {
    for (const char* at = text;; ++at) {
        char* end = NULL;
        const size_t digits = strspn(at, "0123456789");
        const unsigned long number = strtoul(at, &end, 10);
        if (digits == 0 || digits > 5 || number > 65535 || ports->count == max_ports)
            return false;
        ports->numbers[ports->count++] = (uint16_t)number;
        at = end;
        if (*at == '\0')
            return true;
        if (*at != ',')
            return false;
    }
}

static const char* reason(int error) {
    switch (error) {
    case ENOSYS:
        return "this kernel has no Landlock";
    case EOPNOTSUPP:
        return "Landlock is switched off on this machine (the kernel's option lsm= lists what is on)";
    case EPROTONOSUPPORT:
        return "this kernel's Landlock knows nothing of TCP: that came with Linux 6.7";
    default:
        return strerror(error);
    }
}

void confine_now(const struct confine* confine) {
    if (!confine->is_wanted)
        return;
    const struct snipass_confinement but = {.bind = confine->bind.numbers,
                                            .bind_count = confine->bind.count,
                                            .connect = confine->connect.numbers,
                                            .connect_count = confine->connect.count};
    if (snipass_confine(&but) == 0)
        return;
    if (confine->may_fail)
        say("the server is not confined: %s", reason(errno));
    else
        fail("--confine: %s; with --try-confine the server starts all the same", reason(errno));
}
