// SPDX-License-Identifier: BSL-1.0
// The hello of a client that is about to be relayed.
#include "marking.hpp"

#include "connecting.hpp"

#include "snipass/opening/hello_reader.hpp"
#include "snipass/os/error.hpp"

#include <algorithm>
#include <optional>

namespace snipass::server {
namespace {

// So often a hello may be on its way to one backend before that is a loop. Who measures a router, or checks
// whether a backend is alive, may send the same one again and again; a loop is over after so many rounds.
// A host that a client chose itself has no checks of that kind.
constexpr std::size_t rounds_to_a_backend = 64;
constexpr std::size_t rounds_to_a_chosen_host = 1;

std::optional<hellos_under_way::random> random_of(routed_client& client) {
    const auto bytes = client.first_bytes();
    if (!bytes)
        return std::nullopt;
    // What the session heard is still there, unless somebody else was heard since.
    auto& thread = client.thread;
    if (thread.buffer.holder != &client.about || !std::holds_alternative<opening::question>(thread.heard)) {
        opening::hello_reader reader{client.snapshot->config->server.hello_max};
        thread.heard = reader.read(*bytes, thread.buffer.gathered);
    }
    const auto* const asked = std::get_if<opening::question>(&thread.heard);
    hellos_under_way::random random;
    const auto* const hello = asked != nullptr ? asked->hello() : nullptr;
    if (hello == nullptr || hello->random.size() != random.size())
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
