// SPDX-License-Identifier: BSL-1.0
// Who is at the other end of a unix socket.
#include "snipass/os/unix_peer.hpp"

#include "snipass/os/error.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace snipass::os {

result<unix_peer> peer_of(int connection) {
    ucred known{};
    socklen_t size = sizeof known;
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &known, &size) != 0)
        return last_error();
    unix_peer made{known.pid, known.uid, known.gid, {}};
    socklen_t room = 0;
    (void)::getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, nullptr, &room); // how many there are
    made.groups.resize(room / sizeof(gid_t));
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, made.groups.data(), &room) != 0)
        made.groups.clear(); // not before Linux 4.13
    return made;
}

bool is_one_of_us(const unix_peer& one) {
    const auto ours = ::getegid();
    return one.user == 0 || one.user == ::geteuid() || one.group == ours ||
           std::ranges::count(one.groups, ours) > 0;
}

} // namespace snipass::os
