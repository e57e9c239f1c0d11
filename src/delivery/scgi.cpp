// SPDX-License-Identifier: BSL-1.0
// The `scgi` protocol: the client's socket, and the head of its request in SCGI's form.
#include "account.hpp"
#include "protocols.hpp"

#include "snipass/delivery/stream.hpp"
#include "snipass/http/head_scanner.hpp"
#include "snipass/http/scgi.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/unix_socket.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace snipass::server {
namespace {

using net::task;

// message is what the backend is sent, and of how many of the client's bytes it tells.
struct message {
    std::string text;
    std::size_t head;
};

// tls_of: its views are those of `facts`.
std::optional<http::ended_tls> tls_of(const routed_client& client, const proxy_protocol::facts& facts) {
    if (!facts.tls)
        return std::nullopt;
    return http::ended_tls{.version = facts.tls->version,
                           .cipher = facts.tls->cipher,
                           .protocol = facts.alpn,
                           .server_name = facts.authority,
                           .is_resumed = client.about.in_clear->is_resumed,
                           .client_name = facts.tls->client_name,
                           .is_in_kernel = client.about.in_clear->is_in_kernel,
                           .farewell = facts.farewell};
}

// head_of is the head with which these bytes begin. What the session heard is still there, unless somebody
// else was heard since, or another backend was told the bytes.
std::optional<http::request_head> head_of(routed_client& client, byte_view bytes) {
    const auto* const asked =
        client.consumed.empty() ? std::get_if<opening::question>(&client.thread.heard) : nullptr;
    if (asked != nullptr && asked->head() != nullptr && asked->size <= bytes.size())
        return *asked->head();
    http::head_scanner scanner{bytes.size()};
    const auto size = scanner.advance(bytes);
    if (!size || *size > bytes.size())
        return std::nullopt;
    const auto head = http::parse_request_head(bytes.first(*size), client.thread.buffer.gathered);
    return head ? std::optional{*head} : std::nullopt;
}

std::optional<message> message_of(routed_client& client, byte_view bytes) {
    const auto head = head_of(client, bytes);
    if (!head)
        return std::nullopt;
    auto facts = client.facts();
    tell_of_socket(client, facts);
    return message{http::write_scgi(*head, facts.source, facts.destination, tls_of(client, facts)),
                   head->size};
}

result<os::unique_fd> connect(const config::handoff_settings& settings, std::size_t path) {
    const auto owner = settings.owner();
    return owner ? os::connect_unix_of(*owner, settings.paths[path], SOCK_STREAM)
                 : os::connect_unix(settings.paths[path], SOCK_STREAM);
}

attempt failed(const error_code& error, const config::handoff_settings& settings) {
    return not_taken{.why = to_outcome(error), .error = error, .detail = why_not_theirs(error, settings)};
}

// let_go: there is no answer to wait for. Until the backend has read its message, the client is in flight.
attempt let_go(routed_client& client, backend& to, os::unique_fd connection) {
    client.socket.close();
    client.consumed.clear(); // it was told
    keep_account(client.thread.loop, std::move(connection), to.known(), client.about.client.address, 1);
    return handed_off{};
}

// send_rest: a unix socket takes as much as its buffer has room for.
task<attempt> send_rest(routed_client& client, int connection, std::string_view rest,
                        net::time_point deadline) {
    net::fd_watch watch{client.thread.loop, connection};
    const net::interruption::cover displaced{client.displacement(), watch};
    while (!rest.empty()) {
        const auto sent = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        const auto error = os::last_error();
        if (!os::would_block(error))
            co_return not_taken{.why = to_outcome(error), .error = error};
        if (co_await watch.writable(deadline))
            co_return not_taken{.why = outcome::backend_silent,
                                .detail = "it has not read its message in time"};
    }
    co_return handed_off{};
}

// go_on sends what is left of the message, and waits for ACK where the backend has promised one. A backend
// that has not read the whole of its message has not taken the client (docs/handoff.md).
task<attempt> go_on(routed_client& client, backend& to, os::unique_fd connection, message rest,
                    net::time_point deadline) {
    auto sent = co_await send_rest(client, connection.get(), rest.text, deadline);
    std::string{}.swap(rest.text); // who waits for ACK keeps no head
    if (std::holds_alternative<not_taken>(sent)) {
        keep_account(client.thread.loop, std::move(connection), to.known(), client.about.client.address, 1);
        co_return sent;
    }
    if (!to.settings().handoff()->acknowledges())
        co_return let_go(client, to, std::move(connection));
    const offered one{client.socket, client.about.client.address, client.displacement(), to.known(),
                      client.consumed.empty() ? rest.head : 0};
    auto answer = co_await answer_by_stream(client.thread.loop, one, std::move(connection), deadline);
    if (std::holds_alternative<handed_off>(answer))
        client.consumed.clear();
    co_return answer;
}

} // namespace

// A backend that acknowledges does not touch the client before the connection's end, so nothing is taken out
// of the socket before its ACK. One that does not may read the client at once: the head is taken out first,
// when there is a connection to send it by, and kept until it is sent.
begun_attempt hand_off_by_scgi(routed_client& client, backend& to, std::size_t path, net::time_point until) {
    const auto& settings = *to.settings().handoff();
    const auto deadline = std::min(net::clock::now() + settings.attempt_timeout(), until);
    if (const auto full = to.known()->sent.why_not(client.about.client.address))
        return not_taken{.why = *full, .detail = explain_full(*full)};
    const auto bytes = client.first_bytes();
    if (!bytes)
        return failed(bytes.error(), settings);
    auto told = message_of(client, *bytes);
    if (!told)
        return not_taken{.why = outcome::backend_failed,
                         .detail = "it has sent no HTTP/1 request, and scgi passes on nothing else",
                         .is_final = true};
    if (client.consumed.size() > told->head)
        return not_taken{.why = outcome::backend_failed,
                         .detail = "what follows its head is no longer in its socket, where scgi leaves it",
                         .is_final = true};
    auto connection = connect(settings, path);
    if (!connection)
        return failed(connection.error(), settings);
    const bool consumes = !settings.acknowledges() && client.consumed.empty();
    if (consumes) {
        const auto taken = client.socket.take_out(told->head);
        if (!taken)
            return failed(taken.error(), settings);
        if (*taken != told->head)
            return not_taken{.why = outcome::backend_failed,
                             .detail = "a backend that has not taken it has read a part of its request",
                             .is_final = true};
    }
    const auto sent = os::send_with_fd(connection->get(), as_bytes(told->text), client.socket.get());
    const bool is_whole = sent && *sent == told->text.size();
    if (consumes && !is_whole)
        client.consumed.assign(bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(told->head));
    if (!sent)
        return failed(sent.error(), settings);
    client.socket.share();
    if (is_whole && !settings.acknowledges())
        return let_go(client, to, std::move(*connection));
    told->text.erase(0, *sent);
    return go_on(client, to, std::move(*connection), std::move(*told), deadline);
}

} // namespace snipass::server
