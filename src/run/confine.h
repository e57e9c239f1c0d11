// SPDX-License-Identifier: BSL-1.0
/* --confine and its like: what the server may do with TCP besides taking clients. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    max_ports = 64,
};

struct ports {
    uint16_t numbers[max_ports];
    size_t count;
};

struct confine {
    bool is_wanted;
    bool may_fail; /* --try-confine */
    struct ports bind, connect;
};

/* confine_read_ports adds the numbers of a list with commas. False: that is none, or there are too many. */
bool confine_read_ports(const char* text, struct ports* ports);

/* confine_now does as it was asked. It ends the process, or warns, where the kernel cannot. */
void confine_now(const struct confine* confine);
