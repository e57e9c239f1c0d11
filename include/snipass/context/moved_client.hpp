// SPDX-License-Identifier: BSL-1.0
// moved_client: one that no backend has, on its way from one process to the next.
#pragma once

#include "snipass/os/unique_fd.hpp"
#include "snipass/upgrade/state.hpp"

namespace snipass::server {

struct moved_client {
    os::unique_fd fd;
    upgrade::waiting_client known;
};

} // namespace snipass::server
