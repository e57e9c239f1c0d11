// SPDX-License-Identifier: BSL-1.0
// decide: what becomes of a client, from what its reader answered.
#pragma once

#include "snipass/config/decision.hpp"
#include "snipass/session/hearing.hpp"
#include "snipass/session/refusal.hpp"

namespace snipass::server {

struct verdict {
    config::decision decision;
    last_words words; // for a client that no backend is to have, or whose backend is an answer
};

// decide takes the answer out of the thread's `heard`, a question or a refusal, and notes it in the client's
// record.
[[nodiscard]] verdict decide(unrouted_client& client, const config::configuration& configuration,
                             const config::listener_settings& listener);

} // namespace snipass::server
