// SPDX-License-Identifier: BSL-1.0
/* What the steps of src/handoff are given here in place of libc. */
#pragma once

#include "snipass/handoff/calls.h"

extern const struct handoff_calls next_calls;
