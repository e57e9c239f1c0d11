// SPDX-License-Identifier: BSL-1.0
// Who is at the other end of a unix socket.
#include "snipass/os/unix_peer.hpp"

#include "snipass/os/error.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace snipass::os {
namespace {

// is_nobodys: in a user namespace that is everybody who has no number there (user_namespaces(7)).
constexpr bool is_nobodys(unsigned number) noexcept {
    return number == 65'534;
}

} // namespace

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

// Whose *first* group is ours is a service that was given it (snipass-tls), which strangers talk to, and no
// admin.
bool may_command(const unix_peer& one) {
    if (one.process == ::getpid()) // it relays a stranger here
        return false;
    const auto ours = ::getegid();
    return one.user == 0 || (one.user == ::geteuid() && !is_nobodys(one.user)) ||
           (one.group != ours && !is_nobodys(ours) && std::ranges::count(one.groups, ours) > 0);
}

} // namespace snipass::os
