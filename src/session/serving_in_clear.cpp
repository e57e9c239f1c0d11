// SPDX-License-Identifier: BSL-1.0
// The second half of a session in snipass-tls: the handshake, and the backend that gets what is said behind
// it.
#include "snipass/session/serving_in_clear.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/config/part.hpp"
#include "snipass/delivery/clear_pair.hpp"
#include "snipass/delivery/delivery.hpp"
#include "snipass/session/refusal.hpp"
#include "snipass/session/terminator.hpp"
#include "snipass/tls/constants.hpp"

#include <utility>

namespace snipass::server {
namespace {

using net::task;

// objection: router and snipass-tls read one file, and decide alike. Where they do not, one of them has an
// older one, and nobody knows whose word counts. Empty: none.
std::string objection(const unrouted_client& client, const std::string& authority, bool is_terminated) {
    if (!client.consumed.empty())
        return "its hello came by datagram, and OpenSSL reads it from the socket";
    const auto name = client.about.hello ? client.about.hello->host_name() : std::nullopt;
    const std::string asked{name ? name->text() : std::string_view{}};
    if (asked != authority)
        return "the router has routed it by " + in_quotes(authority) + ", and its hello asks for " +
               in_quotes(asked);
    if (!is_terminated)
        return "its backend does TLS itself; the router may have read another file (reload both)";
    return {};
}

// outlive is the end of a client that is relayed to a backend by somebody else: its TLS ends here all the
// same.
task<> outlive(std::unique_ptr<in_clear> clear, in_flight::client counted) {
    (void)co_await clear->ended();
    (void)counted;
}

} // namespace

task<std::variant<outcome, relayed>> serve_in_clear(unrouted_client& client,
                                                    const std::shared_ptr<configuration_snapshot>& snapshot,
                                                    const std::string& authority, std::size_t routed) {
    auto& about = client.about;
    const auto backend = config::first_terminated(*snapshot->config, routed);
    about.detail = objection(client, authority, backend.has_value());
    if (!about.detail.empty()) {
        about.end_now();
        const last_words words{.alert = tls::alert::unrecognized_name};
        co_await refuse(client.thread, about.client.address, client.socket.release(), config::policy::alert,
                        words);
        co_return outcome::no_route;
    }
    if (!about.local) // a socket pair does not say it
        if (const auto local = os::local_endpoint(client.socket.get()))
            about.local = *local;
    auto made = co_await snapshot->terminator->terminate(client, snapshot->config->backends[*backend]);
    if (const auto* const failed = std::get_if<outcome>(&made))
        co_return *failed;
    auto clear = std::move(std::get<std::unique_ptr<in_clear>>(made));
    routed_client to{
        client.thread, snapshot, 0, about, client.consumed, clear->take_socket(), snapshot->terminator.get()};
    std::optional<clear_pair> pair;
    if (const auto* const own = clear->own())
        to.pair = &pair.emplace(*own);
    auto end = co_await deliver(std::move(to), *backend);
    if (pair && !std::holds_alternative<still_ours>(end))
        clear->begin(pair->take());
    if (std::holds_alternative<relayed>(end)) {
        client.thread.loop.spawn(outlive(std::move(clear), in_flight::client{client.thread.clients}));
        co_return relayed{};
    }
    about.end_now();
    auto how = outcome::handed_off;
    if (auto* const ours = std::get_if<still_ours>(&end)) {
        how = ours->why;
        co_await clear->give_back(std::move(ours->client));
    }
    about.in_clear->result = co_await clear->ended();
    co_return how;
}

} // namespace snipass::server
