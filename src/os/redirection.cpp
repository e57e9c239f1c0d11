// SPDX-License-Identifier: BSL-1.0
// What a client asked for, where this machine's firewall sent it elsewhere.
#include "snipass/os/redirection.hpp"

#include "snipass/os/tcp.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

namespace snipass::os {

using namespace std::chrono_literals;

// SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST have the same number; their headers do not go with the C
// library's.
result<ip_endpoint> redirection::destination_of(int client) {
    constexpr int original_destination = 80;
    const auto local = local_endpoint(client);
    if (!local)
        return local;
    const bool is_v4 = local->address.is_v4(); // also of a socket for both
    auto& known = families_[is_v4 ? 1 : 0];
    if (!known.is_tracked && std::chrono::steady_clock::now() < known.ask_again)
        return local;
    sockaddr_storage storage{};
    socklen_t size = is_v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (::getsockopt(client, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, original_destination, &storage, &size) != 0) {
        known.ask_again = std::chrono::steady_clock::now() + 1s;
        return local;
    }
    known.is_tracked = true;
    const auto asked = to_endpoint(storage);
    return asked ? *asked : local;
}

} // namespace snipass::os
