// SPDX-License-Identifier: BSL-1.0
/* Who may hand clients over, where the server names nobody. */
#pragma once

#include <snipass/snipass.h>

/* users_allowed is a copy of options->allowed, for free(3), and *count. Where that is NULL: the user
 * `snipass` alone, if there is one. NULL: no memory. */
uid_t* users_allowed(const struct snipass_options* options, size_t* count);
