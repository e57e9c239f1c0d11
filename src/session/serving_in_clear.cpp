// SPDX-License-Identifier: BSL-1.0
// The second half of a session in snipass-tls: the handshake, and the backend that gets what is said behind
// it.
#include "snipass/session/serving_in_clear.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/config/part.hpp"
#include "snipass/delivery/clear_pair.hpp"
#include "snipass/delivery/delivery.hpp"
#include "snipass/opening/head_reader.hpp"
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

// A host name has at most 253 bytes.
constexpr std::size_t longest_host = 255;

void note(record& about, const http::request_head& head) {
    about.in_clear->request.emplace(head.method, head.target, head.minor_version);
    about.in_clear->host = head.host.substr(0, longest_host);
}

// judge is what becomes of a client whose request is none, or does not come, and what it is told.
outcome judge(unrouted_client& client, const error_code& problem, last_words& words) {
    auto& about = client.about;
    if (const auto end = premature_end(problem)) {
        if (about.detail.empty())
            about.detail = problem.message();
        return *end;
    }
    auto& refused = std::get<opening::refused>(client.thread.heard);
    about.detail = std::move(refused.why);
    words.status = about.status = refused.status;
    return refused.as == opening::refusal::malformed ? outcome::malformed : outcome::not_http;
}

// hear_request waits for the head of the first request; `size` is how many bytes it has. An outcome: there is
// none, the client was told, and its connection has ended.
task<std::optional<outcome>> hear_request(unrouted_client& client, const config::server_settings& limits,
                                          in_clear& clear, std::size_t& size) {
    auto& about = client.about;
    opening::head_reader reader{limits.head_max};
    const auto hello_bytes = about.hello_bytes;
    const auto problem = co_await clear.hear(client, reader, net::clock::now() + limits.hello_timeout);
    about.hello_bytes = hello_bytes; // hearing has counted the request's
    const auto* const asked = problem ? nullptr : std::get_if<opening::question>(&client.thread.heard);
    if (asked != nullptr) {
        size = asked->size;
        note(about, *asked->head());
        co_return std::nullopt;
    }
    last_words words;
    const auto how = judge(client, problem, words);
    about.end_now();
    const auto said = words.status != 0 ? in_http(words) : std::string{};
    co_await clear.give_back(clear.take_socket(), as_bytes(said));
    about.in_clear->result = co_await clear.ended();
    co_return how;
}

// outlive is the end of a client that is relayed to a backend by somebody else: its TLS ends here all the
// same.
task<> outlive(std::unique_ptr<in_clear> clear, in_flight::client counted) {
    (void)co_await clear->ended();
    (void)counted;
}

} // namespace

task<std::optional<outcome>> serve_in_clear(unrouted_client& client,
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
    std::size_t opening_size = 0;
    if (snapshot->config->backends[*backend].takes_requests())
        if (const auto none = co_await hear_request(client, snapshot->config->server, *clear, opening_size))
            co_return *none;
    routed_client to{client.thread,
                     snapshot,
                     opening_size,
                     about,
                     client.consumed,
                     clear->take_socket(),
                     snapshot->terminator.get()};
    std::optional<clear_pair> pair;
    if (const auto* const own = clear->own())
        to.pair = &pair.emplace(*own);
    auto end = co_await deliver(std::move(to), *backend);
    if (pair && !std::holds_alternative<still_ours>(end)) {
        const bool was_told =
            std::holds_alternative<relayed>(end); // of what was consumed, in front of the relay
        clear->begin(pair->take(), was_told ? byte_view{} : byte_view{client.consumed});
    }
    if (std::holds_alternative<relayed>(end)) {
        client.thread.loop.spawn(outlive(std::move(clear), in_flight::client{client.thread.clients}));
        co_return std::nullopt;
    }
    about.end_now();
    auto how = outcome::handed_off;
    if (auto* const ours = std::get_if<still_ours>(&end)) {
        how = ours->why;
        co_await clear->give_back(std::move(ours->client), {});
    }
    about.in_clear->result = co_await clear->ended();
    co_return how;
}

} // namespace snipass::server
