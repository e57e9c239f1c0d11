// SPDX-License-Identifier: BSL-1.0
#include "snipass/session/balancer_header.hpp"

#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/proxy_protocol/read.hpp"

#include <algorithm>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

// A socket that is readable without the bytes that were asked for stays so: only a pause keeps us from
// spinning.
constexpr auto pause = 10ms;

// look: 0 once the header was there and is taken, else how many bytes make another look worth while.
result<std::size_t> look(context& thread, int client, record& about) {
    const auto room = thread.buffer.first(proxy_protocol::max_size);
    const auto n = os::peek(client, room);
    if (!n && !os::would_block(n.error()))
        return n.error();
    if (n && *n == 0)
        return error_code{net::wait_error::end_of_file};
    about.has_spoken = about.has_spoken || n;
    auto answer = proxy_protocol::read(room.first(n ? *n : 0));
    if (const auto* const part = std::get_if<proxy_protocol::partial>(&answer))
        return part->needed;
    if (auto* const refused = std::get_if<proxy_protocol::refused>(&answer)) {
        about.detail = std::move(refused->why);
        return bad_balancer_header;
    }
    const auto& header = std::get<proxy_protocol::header>(answer);
    if (const auto taken = os::discard(client, header.size); !taken)
        return taken.error();
    about.via = about.client;
    if (header.about) {
        about.client = header.about->source;
        about.local = header.about->destination;
    }
    return std::size_t{0};
}

} // namespace

net::task<error_code> take_balancer_header(context& thread, int client, record& about,
                                           net::time_point deadline) {
    auto needed = look(thread, client, about);
    if (!needed || *needed == 0)
        co_return needed ? error_code{} : needed.error();
    net::fd_watch watch{thread.loop, client};
    const waiting_room::place place{thread.waiting, about.client.address, watch};
    while (needed && *needed > 0) {
        const auto asked = *needed;
        if (const auto ec = os::wait_for_bytes(client, asked))
            co_return ec;
        if (const auto ec = co_await watch.readable(deadline))
            co_return ec;
        needed = look(thread, client, about);
        if (!needed || *needed != asked)
            continue;
        if (os::peer_has_closed(client))
            co_return net::wait_error::end_of_file;
        const auto ec = co_await watch.pause(std::min(net::clock::now() + pause, deadline));
        if (ec != net::wait_error::timed_out)
            co_return ec;
    }
    if (!needed)
        co_return needed.error();
    co_return os::wait_for_bytes(client, 1);
}

} // namespace snipass::server
