// SPDX-License-Identifier: BSL-1.0
// What a client is handed on by whose TLS ends in this process.
#include "snipass/delivery/clear_pair.hpp"

#include "snipass/handoff/pair_name.h"
#include "snipass/net/foreign.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <utility>

namespace snipass::server {
namespace {

// name_end: without a name, the header alone says who the client is. Nobody can tell the name beforehand, and
// have it first.
void name_end(int near, const record& about) {
    std::array<unsigned char, handoff_pair_random_size> random{};
    const auto size_of_random = ::getrandom(random.data(), random.size(), GRND_NONBLOCK);
    if (!about.local || size_of_random != handoff_pair_random_size)
        return;
    sockaddr_storage peer{};
    sockaddr_storage local{};
    (void)os::to_sockaddr(about.client, peer);
    (void)os::to_sockaddr(*about.local, local);
    sockaddr_un name{};
    const auto size = handoff_write_pair_name(&peer, &local, random.data(), &name);
    if (size > 0)
        (void)::bind(near, reinterpret_cast<const sockaddr*>(&name), size);
}

} // namespace

void end_near(near_end near) {
    if (near.fd && near.party != 0 && !os::can_refuse_descriptors())
        net::turn_away(std::move(near.fd), near.party);
}

void clear_pair::end() {
    end_near(std::move(near_));
}

result<client_socket> clear_pair::renew(const record& about, std::uint64_t party) {
    end();
    auto ends = os::pair();
    if (!ends)
        return ends.error();
    if (party != 0)
        name_end(ends->near.get(), about);
    near_ = {std::move(ends->near), party};
    return client_socket{std::move(ends->far), true};
}

} // namespace snipass::server
