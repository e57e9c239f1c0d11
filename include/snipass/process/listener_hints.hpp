// SPDX-License-Identifier: BSL-1.0
// What to write where a listener cannot be opened. A hint comes from what was asked, and from a look at the
// machine; an error's number alone says too little.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/operating/http_door.hpp"

#include <string>
#include <vector>

namespace snipass::server {

// hint_for says why the socket of `one` could not be opened at `address`; empty: the error's own text says
// it. EADDRINUSE: nobody that this process knows of has it.
[[nodiscard]] std::string hint_for(const config::listener_settings& one, const ip_endpoint& address,
                                   const error_code& ec);

// hint_for_copy says what to do where a worker cannot have its copy of a socket.
[[nodiscard]] std::string hint_for_copy(const error_code& ec);

// hint_for_path says why there is no unix socket at `path`.
[[nodiscard]] std::string hint_for_path(const std::string& path, const error_code& ec);

// open_all opens a door at the addresses that `key` of the file gives it, and tells `problems` where it
// cannot, with the place in the file. Where there are any, told now or before, it opens none.
// `file` is empty for an address that no file gives.
void open_all(http_door& door, const std::vector<config::metrics_address>& wanted, const std::string& key,
              const std::string& file, std::vector<std::string>& problems);

} // namespace snipass::server
