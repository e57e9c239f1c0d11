// SPDX-License-Identifier: BSL-1.0
/* The work of a receiver. */
#pragma once

#include "receiver_state.h"

/* receiver_step handles one event, with the mutex: a client, or NULL and errno. EAGAIN: there may be more to
 * do; *idle: there is not. */
struct snipass_client* receiver_step(struct snipass_receiver* receiver, bool* idle);
