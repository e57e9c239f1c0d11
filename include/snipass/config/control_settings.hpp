// SPDX-License-Identifier: BSL-1.0
// control_settings: where `snipass status` and the like reach the router that runs.
#pragma once

#include "snipass/config/position.hpp"

#include <string>

namespace snipass::config {

// Where the file says nothing the socket is at the default path if its folder is there: systemd's unit makes
// it, and whoever starts a router by hand has none.
struct control_settings {
    std::string path = "/run/snipass/control.sock"; // empty: there is none
    bool is_given = false;                          // by the file
    position where{};
};

} // namespace snipass::config
