// SPDX-License-Identifier: BSL-1.0
// proxy: a client on its way to a backend that is reached by relaying.
#pragma once

#include "passage.hpp"

#include "snipass/backends/backend.hpp"

#include <optional>

namespace snipass::server {

// proxy connects to one of the backend's addresses and starts the relay. nullopt: the session goes on as a
// proxied_session, which has taken the client and the record. An outcome: nobody took the client, and nothing
// of it is lost.
[[nodiscard]] net::task<std::optional<outcome>> proxy(passage& way, backend& to);

// hold_for_proxy keeps the client and tries the backend again, while it is away and has a hold time. `last`
// is how the last attempt ended.
[[nodiscard]] net::task<std::optional<outcome>> hold_for_proxy(passage& way, backend& to,
                                                               std::optional<outcome> last);

} // namespace snipass::server
