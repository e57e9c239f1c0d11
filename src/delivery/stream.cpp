// SPDX-License-Identifier: BSL-1.0
// The `stream` protocol: the client's socket and what is known of it, and the backend's ACK.
#include "snipass/delivery/stream.hpp"

#include "account.hpp"
#include "protocols.hpp"

#include "snipass/net/fd_watch.hpp"
#include "snipass/os/buffers.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/unix_socket.hpp"

#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

constexpr std::uint8_t ack = 0x06;

// The backend's answer, read once. Anything but ACK means that it has not taken the client.
bool acknowledged(int connection) {
    std::uint8_t answer = 0;
    return ::recv(connection, &answer, 1, MSG_DONTWAIT) == 1 && answer == ack;
}

// is_looked_at: whether we look if a backend that said ACK has read the message, too. An honest one has. A
// few looks find out one that has not; what is found counts for those between two looks. Which they are
// nobody can tell beforehand: a clock would tell the backend, too.
constexpr std::size_t one_in = 64;
bool is_looked_at() {
    thread_local std::uint64_t state = [] {
        std::uint64_t seed = 0;
        (void)::getrandom(&seed, sizeof seed, GRND_NONBLOCK);
        return seed;
    }();
    state = state * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407; // Knuth's MMIX
    return (state >> 32) % one_in == 0;
}

} // namespace

result<os::unique_fd> offer_by_stream(std::string_view path, client_socket& client, byte_view header,
                                      const std::optional<std::uint32_t>& owner) {
    auto connection =
        owner ? os::connect_unix_of(*owner, path, SOCK_STREAM) : os::connect_unix(path, SOCK_STREAM);
    if (!connection)
        return connection.error();
    const auto sent = os::send_with_fd(connection->get(), header, client.get());
    if (!sent)
        return sent.error();
    client.share();
    if (*sent != header.size())
        return os::make_error(ENOBUFS); // not in a fresh connection's empty buffer
    return connection;
}

task<attempt> answer_by_stream(net::event_loop& loop, offered one, os::unique_fd connection,
                               net::time_point deadline) {
    const unanswered::one sent{one.to->sent, one.source};
    std::optional<net::fd_watch> answer{std::in_place, loop, connection.get()};
    error_code ec;
    {
        const net::interruption::cover displaced{one.displacement, *answer};
        ec = co_await answer->readable(deadline);
    }
    // From here on the backend's ACK fails, so what was said before decides (docs/handoff.md, taking back).
    if (ec)
        os::refuse_answer(connection.get());
    const bool lies = may_hold_descriptors(connection.get());
    if (!lies && acknowledged(connection.get())) {
        if (one.told > 0)
            (void)one.client.take_out(one.told); // if it fails, the client is gone, and its backend will see
        one.client.close(); // before the connection, whose end tells the backend that it is the only owner
        if (!is_looked_at() || os::unsent(connection.get()) == 0) {
            answer->close(std::move(connection));
            co_return handed_off{};
        }
        answer.reset();
        keep_account(loop, std::move(connection), one.to, one.source, one_in);
        co_return handed_off{};
    }
    answer.reset();
    if (os::unsent(connection.get()) > 0)
        keep_account(loop, std::move(connection), one.to, one.source, 1);
    else if (lies)
        turn_away_counted(std::move(connection), one.to, one.source);
    co_return not_taken{ec ? outcome::backend_silent : outcome::backend_declined};
}

void tell_of_socket(const routed_client& client, proxy_protocol::facts& facts) {
    if (!client.about.in_clear)
        return;
    facts.plaintext = proxy_protocol::plaintext_socket::socket_pair;
    if (!client.about.in_clear->is_in_kernel)
        return;
    facts.plaintext = proxy_protocol::plaintext_socket::kernel_tls;
    facts.farewell = client.snapshot->config->listeners.front().farewell_path; // there is no other one
}

namespace {

// offer_with_ech: EMSGSIZE, the state does not fit into a header.
result<os::unique_fd> offer_with_ech(std::string_view path, routed_client& client, byte_view header,
                                     const std::optional<std::uint32_t>& owner) {
    auto whole = proxy_protocol::with_ech(header, *client.ech);
    if (whole.empty())
        return os::make_error(EMSGSIZE);
    auto connection = offer_by_stream(path, client.socket, whole, owner);
    ::explicit_bzero(whole.data(), whole.size());
    return connection;
}

} // namespace

begun_attempt hand_off_by_stream(routed_client& client, backend& to, std::size_t path,
                                 net::time_point until) {
    // In front of a new pair the head of a request is put back by whoever fills the pair.
    if (!client.consumed.empty() && client.pair == nullptr)
        return not_taken{.why = outcome::backend_failed,
                         .detail = "its first bytes are no longer in its socket, where stream needs them",
                         .is_final = true};
    const auto& settings = *to.settings().handoff();
    const auto deadline = std::min(net::clock::now() + settings.attempt_timeout(), until);
    if (const auto full = to.known()->sent.why_not(client.about.client.address))
        return not_taken{.why = *full, .detail = explain_full(*full)};
    auto facts = client.facts();
    tell_of_socket(client, facts);
    const auto header = proxy_protocol::write_v2(facts);
    const bool is_carried = client.ech != nullptr && to.settings().ech == config::ech_mode::carried;
    auto connection = !is_carried
                          ? offer_by_stream(settings.paths[path], client.socket, header, settings.owner())
                          : offer_with_ech(settings.paths[path], client, header, settings.owner());
    if (!connection && connection.error() == os::make_error(EMSGSIZE))
        return not_taken{.why = outcome::backend_failed,
                         .detail = "its inner hello is larger than a header has room for (16 KiB)",
                         .is_final = true};
    if (!connection)
        return not_taken{.why = to_outcome(connection.error()),
                         .error = connection.error(),
                         .detail = why_not_theirs(connection.error(), settings)};
    const offered one{client.socket, client.about.client.address, client.displacement(), to.known()};
    return answer_by_stream(client.thread.loop, one, std::move(*connection), deadline);
}

} // namespace snipass::server
