// SPDX-License-Identifier: BSL-1.0
// unix_peer: who is at the other end of a unix socket.
#pragma once

#include "snipass/base/result.hpp"

#include <sys/types.h>

#include <vector>

namespace snipass::os {

// As it was when it connected (unix(7), SO_PEERCRED and SO_PEERGROUPS).
struct unix_peer {
    pid_t process = 0; // 0: of another PID namespace
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups{}; // the others that it is in
};

[[nodiscard]] result<unix_peer> peer_of(int connection);

// may_command: root, this process's user, or somebody who was added to its group; not this process itself.
[[nodiscard]] bool may_command(const unix_peer& one);

} // namespace snipass::os
