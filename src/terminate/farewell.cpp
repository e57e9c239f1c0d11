// SPDX-License-Identifier: BSL-1.0
// How long a client is kept to whom all is said.
#include "snipass/terminate/farewell.hpp"

#include "snipass/os/buffers.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"

namespace snipass::terminate {
namespace {

using namespace std::chrono_literals;

constexpr auto look_interval = 50ms;
constexpr auto longest_stall = 5s;
constexpr auto longest_farewell = 1s; // once all has arrived
constexpr auto longest_linger = 30s;  // then the kernel has the rest

} // namespace

std::optional<net::time_point> farewell::look(int client, net::time_point now) {
    constexpr std::size_t everything = 1U << 30;
    const auto heard = os::discard(client, everything);
    if ((heard && *heard == 0) || (!heard && !os::would_block(heard.error())))
        return std::nullopt;
    const int unsent = os::unsent(client);
    if (!since_)
        since_ = progress_ = now;
    if (unsent != unsent_)
        progress_ = now;
    unsent_ = unsent;
    const bool has_stalled = now - progress_ >= (unsent > 0 ? longest_stall : longest_farewell);
    if (has_stalled || now - *since_ >= longest_linger)
        return std::nullopt;
    return now + look_interval;
}

} // namespace snipass::terminate
