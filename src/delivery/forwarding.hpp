// SPDX-License-Identifier: BSL-1.0
// forwarding: a client on its way to the host that it asked for.
#pragma once

#include "passage.hpp"

#include "snipass/backends/backend.hpp"

#include <variant>
#include <vector>

namespace snipass::server {

// find_hosts resolves the client's host name and returns where `to` may connect for it, checked just now. An
// outcome: it may connect nowhere, and the session's detail says why.
[[nodiscard]] net::task<std::variant<outcome, std::vector<candidate>>> find_hosts(passage& way, backend& to);

} // namespace snipass::server
