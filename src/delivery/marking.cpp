// SPDX-License-Identifier: BSL-1.0
// The hello of a client that is about to be relayed.
#include "marking.hpp"

#include "connecting.hpp"

#include "snipass/tls/client_hello.hpp"

#include <algorithm>
#include <optional>

namespace snipass::server {
namespace {

// So often a hello may be on its way to one backend before that is a loop. Who measures a router, or checks
// whether a backend is alive, may send the same one again and again; a loop is over after so many rounds.
// Hosts that clients choose have no such guests.
constexpr std::size_t rounds_to_a_backend = 64;
constexpr std::size_t rounds_to_a_chosen_host = 1;

std::optional<hellos_under_way::random> random_of(routed_client& client) {
    auto& buffer = client.thread.buffer;
    if (!client.peeker.is_current(buffer) &&
        !client.peeker.look(client.socket.get(), buffer, client.consumed))
        return std::nullopt;
    const auto hello = tls::parse_client_hello(client.peeker.message(buffer));
    hellos_under_way::random random;
    if (!hello || hello->random.size() != random.size())
        return std::nullopt;
    std::ranges::copy(hello->random, random.begin());
    return random;
}

} // namespace

result<hellos_under_way::mark> mark_hello(routed_client& client, const config::backend_settings& to) {
    const auto random = client.about.hello ? random_of(client) : std::nullopt;
    if (!random)
        return os::make_error(ENODATA);
    auto mark = client.thread.book.hellos.add(*random, to.name,
                                              to.forward() ? rounds_to_a_chosen_host : rounds_to_a_backend);
    if (!mark)
        return would_loop;
    return std::move(*mark);
}

} // namespace snipass::server
