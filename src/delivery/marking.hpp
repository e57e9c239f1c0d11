// SPDX-License-Identifier: BSL-1.0
// marking: the hello of a client that is about to be relayed, so that one that comes back is known.
#pragma once

#include "snipass/backends/hellos_under_way.hpp"
#include "snipass/delivery/routed_client.hpp"

namespace snipass::server {

// mark_hello marks the client's hello as on its way to `to`. Errors: would_loop (connecting.hpp) if it is on
// its way there already; ENODATA if the client has no hello, or it cannot be read any more.
[[nodiscard]] result<hellos_under_way::mark> mark_hello(routed_client& client,
                                                        const config::backend_settings& to);

} // namespace snipass::server
