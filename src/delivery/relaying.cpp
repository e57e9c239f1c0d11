// SPDX-License-Identifier: BSL-1.0
// A client for a backend that is connected to.
#include "relaying.hpp"

#include "connecting.hpp"
#include "forwarding.hpp"
#include "marking.hpp"
#include "passing_hellos.hpp"

#include "snipass/backends/health.hpp"
#include "snipass/delivery/encryption.hpp"
#include "snipass/delivery/proxied_session.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

// No address of a backend is tried any more when so many times connect_timeout have passed, the time for
// finding the addresses included.
constexpr int tries_in_a_row = 3;

// How often a greeting that takes its time is interrupted to see whether the client is still there.
constexpr auto look_interval = 1s;

// greet sends what comes before the client's own bytes: the PROXY header, and the bytes that were consumed. A
// fresh connection has room for a header; what another router consumed may be more than that
// (docs/handoff.md).
task<error_code> greet(routed_client& client, int connection, const config::backend_settings& settings,
                       net::time_point end) {
    std::vector<std::uint8_t> first;
    if (settings.proxy()->header != config::proxy_protocol::none) {
        const auto header = settings.proxy()->header == config::proxy_protocol::v2
                                ? proxy_protocol::write_v2(client.facts())
                                : proxy_protocol::write_v1(client.facts());
        first.assign(header.begin(), header.end());
    }
    first.insert(first.end(), client.consumed.begin(), client.consumed.end());
    // The hello follows a header at once, in one segment with it. What was consumed is followed by nothing.
    const bool has_more = client.consumed.empty();
    if (!has_more)
        os::send_at_once(connection);
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (has_more ? MSG_MORE : 0);
    net::fd_watch watch{client.thread.loop, connection};
    const auto deadline = std::min(net::clock::now() + settings.proxy()->connect_timeout, end);
    for (byte_view rest{first}; !rest.empty();) {
        const auto n = ::send(connection, rest.data(), rest.size(), flags);
        if (n >= 0) {
            rest = rest.subspan(static_cast<std::size_t>(n));
            continue;
        }
        if (const auto ec = os::last_error(); !os::would_block(ec))
            co_return ec;
        const auto look = net::clock::now() + look_interval;
        const net::interruption::cover displaced{client.displacement(), watch};
        const auto ec = co_await watch.writable(std::min(deadline, look));
        if (client.is_displaced())
            co_return error_code{net::wait_error::cancelled};
        if (ec && (look >= deadline || client.is_gone() || client.is_removed(settings)))
            co_return ec;
    }
    co_return error_code{};
}

// encrypt: from here on the connection is a socket pair's end, and behind it TLS is spoken with the backend.
task<error_code> encrypt(routed_client& client, connected& to, const config::backend_settings& settings,
                         net::time_point end) {
    if (!settings.termination || !settings.termination->encryption)
        co_return error_code{};
    const auto deadline = std::min(net::clock::now() + settings.proxy()->connect_timeout, end);
    auto clear = co_await client.encryption->encrypt(client, std::move(to.fd), settings, to.to.address->host,
                                                     deadline);
    if (!clear)
        co_return clear.error();
    to.fd = std::move(*clear);
    co_return error_code{};
}

// connect_and_greet: whoever does not take the greeting has had nothing of the client, so the addresses
// behind it are tried.
task<connection> connect_and_greet(routed_client& client, const config::backend_settings& settings,
                                   std::vector<candidate> candidates, patience limit) {
    for (;;) {
        auto made = co_await connect_to_one(client, settings, candidates, limit);
        if (!made)
            co_return made;
        auto ec = co_await greet(client, made->fd.get(), settings, limit.end);
        if (!ec)
            ec = co_await encrypt(client, *made, settings, limit.end);
        if (!ec)
            co_return made;
        if (client.is_displaced())
            co_return not_connected{ec, made->to.address->text};
        if (!settings.forward())
            note_failure(client.thread.events, settings, made->to, ec);
        const auto used = std::ranges::find_if(candidates, [&](const candidate& one) {
            return one.address == made->to.address && one.endpoint == made->to.endpoint;
        });
        candidates.erase(candidates.begin(), used == candidates.end() ? used : used + 1);
        if (candidates.empty() || net::clock::now() >= limit.last_begin || client.is_gone())
            co_return not_connected{ec, made->to.address->text};
    }
}

// why_not says why none of the addresses took the client, by the error of the last one that was tried.
not_taken why_not(const routed_client& client, const backend& to, const not_connected& failed) {
    const auto& last = failed.why;
    if (last == net::wait_error::cancelled)
        return {outcome::client_closed};
    if (client.is_removed(to.settings()))
        return removed();
    if (last == would_loop)
        return {.why = outcome::destination_refused,
                .detail = "a loop: its address is this router's own",
                .is_final = true};
    return {.why = to_outcome(last), .error = last, .where = failed.where};
}

// of_its_family: with `transparent` a connection comes from the client's own address, so only those of its
// family can be connected to. That there is none is nobody's fault, and no time will change it.
bool of_its_family(const routed_client& client, const candidate& one) {
    return !one.endpoint || one.endpoint->address.is_v4() == client.about.client.address.is_v4();
}

not_taken has_no_address_of_its_family() {
    return {.why = outcome::backend_failed,
            .detail = "transparent: the backend has no address of the client's family (IPv4, IPv6)",
            .is_final = true};
}

not_taken has_no_hello_to_replace() {
    return {.why = outcome::backend_failed,
            .detail = "its encrypted hello is no longer in its socket",
            .is_final = true};
}

not_taken cannot_be_relayed(const error_code& why) {
    return {.why = outcome::destination_refused,
            .detail = why == would_loop ? "a loop: its hello is on its way there already"
                                        : "its hello cannot be read again",
            .is_final = true};
}

// has_no_descriptor: the client has one of those that are kept for others, and nobody who waits for a hello
// can give one back for it.
bool has_no_descriptor(const routed_client& client) {
    return client.socket.get() >= client.thread.kept_from && !client.thread.make_room();
}

not_taken no_descriptor() {
    return {.why = outcome::no_resources,
            .detail = "the descriptors that are left are kept for clients that are handed off (LimitNOFILE=)",
            .is_final = true};
}

// no_room: it is not held, because nobody knows when one of so many leaves.
not_taken no_room(outcome full) {
    return {.why = full,
            .detail = full == outcome::max_relayed
                          ? "max_relayed clients are relayed, and none of a larger source"
                          : "max_relayed_per_source clients of its source are relayed",
            .is_final = true};
}

} // namespace

not_taken removed() {
    return {.why = outcome::backend_absent, .detail = "a reload has removed it", .is_final = true};
}

task<attempt> relay(routed_client& client, backend& to, net::time_point until) {
    const auto& settings = to.settings();
    const auto& source = client.about.client.address;
    if (const auto full = client.thread.relayed.why_not(source))
        co_return no_room(*full);
    if (const auto ec = client.make_ready(0))
        co_return not_taken{.why = to_outcome(ec), .error = ec};
    if (has_no_descriptor(client))
        co_return no_descriptor();
    const bool is_carried = client.ech != nullptr && settings.ech == config::ech_mode::carried;
    if (is_carried && !client.consumed.empty())
        co_return has_no_hello_to_replace();
    const auto begun = net::clock::now();
    auto mark = mark_hello(client, settings);
    // A request has nothing that tells one journey from another: what connects to us we know all the same.
    const bool has_mark = client.about.hello && client.about.hello->request() == nullptr;
    if (!mark && (mark.error() == would_loop || (settings.forward() != nullptr && has_mark)))
        co_return cannot_be_relayed(mark.error());
    std::vector<candidate> candidates;
    if (settings.forward() != nullptr) {
        auto hosts = co_await find_hosts(client, to);
        if (const auto* const none = std::get_if<not_taken>(&hosts))
            co_return *none;
        candidates = std::move(std::get<std::vector<candidate>>(hosts));
    } else {
        candidates = to.targets().in_order(client.about.client.address);
        if (candidates.empty() && !to.targets().all().empty())
            co_return drained;
    }
    if (settings.proxy()->transparent) {
        const auto others = std::erase_if(
            candidates, [&client](const candidate& one) { return !of_its_family(client, one); });
        if (others > 0 && candidates.empty())
            co_return has_no_address_of_its_family();
    }
    const patience limit{std::min(begun + tries_in_a_row * settings.proxy()->connect_timeout, until), until};
    auto made = co_await connect_and_greet(client, settings, std::move(candidates), limit);
    if (!made)
        co_return why_not(client, to, made.error());
    if (client.is_removed(settings, made->to.address->text))
        co_return removed();
    if (const auto full = client.thread.relayed.why_not(source)) // by now
        co_return no_room(*full);
    const auto took = std::min<net::clock::duration>(net::clock::now() - begun, 1h);
    if (is_carried)
        co_await pass_hellos(client, made->fd.get(),
                             net::clock::now() + client.snapshot->config->server.hello_timeout);
    const relay_facts where{made->to.address->text, made->to.endpoint,
                            std::chrono::duration_cast<relay_facts::short_time>(took)};
    const bool has_begun = proxied_session::begin(client, to,
                                                  {std::move(made->fd), where, std::move(made->session),
                                                   mark ? std::move(*mark) : hellos_under_way::mark{}});
    co_return relayed{has_begun};
}

} // namespace snipass::server
