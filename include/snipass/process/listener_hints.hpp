// SPDX-License-Identifier: BSL-1.0
// What to write where a listener cannot be opened. A hint comes from what was asked, and from a look at the
// machine; an error's number alone says too little.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/config/configuration.hpp"

#include <string>

namespace snipass::server {

// hint_for says why the socket of `one` could not be opened at `address`; empty: the error's own text says
// it. EADDRINUSE: nobody that this process knows of has it.
[[nodiscard]] std::string hint_for(const config::listener_settings& one, const ip_endpoint& address,
                                   const error_code& ec);

// hint_for_copy says what to do where a worker cannot have its copy of a socket.
[[nodiscard]] std::string hint_for_copy(const error_code& ec);

// hint_for_path says why there is no unix socket at `path`.
[[nodiscard]] std::string hint_for_path(const std::string& path, const error_code& ec);

} // namespace snipass::server
