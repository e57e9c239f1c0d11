// SPDX-License-Identifier: BSL-1.0
/* Taking a client by the `datagram` protocol. */
#pragma once

#include "receiver_state.h"

/* receiver_take_datagram is the step for a listener of datagrams. ENODATA: its queue is empty. */
struct snipass_client* receiver_take_datagram(struct snipass_receiver* receiver);
