// SPDX-License-Identifier: BSL-1.0
// A client on its way to a backend that is reached by relaying.
#include "proxying.hpp"

#include "connecting.hpp"
#include "forwarding.hpp"

#include "snipass/backends/health.hpp"
#include "snipass/delivery/proxied_session.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string_view>
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
task<error_code> greet(passage& way, int connection, const config::backend_settings& settings,
                       net::time_point end) {
    std::vector<std::uint8_t> first;
    if (settings.proxy()->header != config::proxy_protocol::none) {
        const auto header = settings.proxy()->header == config::proxy_protocol::v2
                                ? net::make_proxy_v2(way.facts())
                                : net::make_proxy_v1(way.facts());
        first.assign(header.begin(), header.end());
    }
    first.insert(first.end(), way.consumed.begin(), way.consumed.end());
    net::fd_watch watch{way.thread.loop, connection};
    const auto deadline = std::min(net::clock::now() + settings.proxy()->connect_timeout, end);
    for (byte_view rest{first}; !rest.empty();) {
        const auto n = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            rest = rest.subspan(static_cast<std::size_t>(n));
            continue;
        }
        if (const auto ec = os::last_error(); !os::would_block(ec))
            co_return ec;
        const auto look = net::clock::now() + look_interval;
        const auto ec = co_await watch.writable(std::min(deadline, look));
        if (ec && (look >= deadline || way.is_gone() || way.is_removed(settings)))
            co_return ec;
    }
    co_return error_code{};
}

// wait_for_answer: nobody is turned away because the router has only just begun to ask where its backends
// are. False: another client has taken its place.
task<bool> wait_for_answer(passage& way, backend& to) {
    const auto until = net::clock::now() + to.settings().proxy()->connect_timeout;
    backend::held place{to, way.thread.loop};
    while (to.targets().awaits_answer() && net::clock::now() < until && way.keeps(place) &&
           !way.is_removed(to.settings()))
        (void)co_await place.wait(until);
    co_return !place.is_displaced();
}

// connect_and_greet: whoever does not take the greeting has had nothing of the client, so the addresses
// behind it are tried.
task<result<connected>> connect_and_greet(passage& way, const config::backend_settings& settings,
                                          std::vector<candidate> candidates, patience limit) {
    for (;;) {
        auto connection = co_await connect_to_one(way, settings, candidates, limit);
        if (!connection)
            co_return connection;
        const auto ec = co_await greet(way, connection->fd.get(), settings, limit.end);
        if (!ec)
            co_return connection;
        if (!settings.forward())
            note_failure(way.thread.events, settings, connection->to, ec);
        const auto used = std::ranges::find_if(candidates, [&](const candidate& one) {
            return one.address == connection->to.address && one.endpoint == connection->to.endpoint;
        });
        candidates.erase(candidates.begin(), used == candidates.end() ? used : used + 1);
        if (candidates.empty() || net::clock::now() >= limit.last_begin || way.is_gone())
            co_return ec;
    }
}

outcome removed(passage& way) {
    way.note("a reload has removed it");
    return outcome::backend_absent;
}

// note_why says why none of the addresses took the client: the error of the last one that was tried, and what
// is missing.
void note_why(passage& way, const backend& to, const error_code& last) {
    const auto missing = to.targets().why_missing();
    if (last == would_loop)
        way.note("a loop: its address is this router's own");
    else if (last != nothing_to_try || missing.empty())
        way.note(last.message());
    if (!missing.empty())
        way.note(missing);
}

// start: nullopt: the session goes on as a proxied_session. An outcome: it could not, and has ended.
std::optional<outcome> start(passage& way, std::unique_ptr<proxied_session> one) {
    auto& session = *one;
    std::unique_ptr<net::relay> relay = std::move(one);
    const auto ec = way.thread.relays.start(relay);
    if (!ec)
        return std::nullopt;
    way.about = session.take_record(); // the kernel has no memory for another registration
    way.about.detail += (way.about.detail.empty() ? "" : "; ") + ec.message();
    return outcome::internal_error;
}

// connect_and_relay has ended, or its relay begun, at `end`.
task<std::optional<outcome>> connect_and_relay(passage& way, backend& to,
                                               net::time_point end = net::time_point::max()) {
    const auto& settings = to.settings();
    const auto begun = net::clock::now();
    std::vector<candidate> candidates;
    if (settings.forward()) {
        auto hosts = co_await find_hosts(way, to);
        if (const auto* const none = std::get_if<outcome>(&hosts))
            co_return way.is_gone() ? outcome::client_closed : *none;
        candidates = std::move(std::get<std::vector<candidate>>(hosts));
    } else {
        candidates = to.targets().in_order(way.about.client.address);
    }
    const patience limit{std::min(begun + tries_in_a_row * settings.proxy()->connect_timeout, end), end};
    auto connection = co_await connect_and_greet(way, settings, std::move(candidates), limit);
    if (!connection) {
        if (connection.error() == net::wait_error::cancelled)
            co_return outcome::client_closed;
        if (way.is_removed(settings))
            co_return removed(way);
        note_why(way, to, connection.error());
        if (way.is_gone())
            co_return outcome::client_closed;
        if (connection.error() == would_loop)
            co_return outcome::destination_refused;
        const bool late = net::is_timeout(connection.error());
        const auto status = net::to_status(connection.error());
        co_return late ? outcome::backend_silent : to_outcome(status);
    }
    if (way.is_removed(settings, connection->to.address->text))
        co_return removed(way);
    to.is_back();
    way.about.address = connection->to.address->text;
    way.about.endpoint = connection->to.endpoint;
    way.about.connect_time = net::clock::now() - begun;
    os::set_nonblocking(way.client.get());
    auto session = std::make_unique<proxied_session>(way.thread, way.site, to, std::move(connection->session),
                                                     std::move(way.client), std::move(connection->fd),
                                                     std::move(way.about));
    co_return start(way, std::move(session));
}

outcome turned_away(passage& way) {
    way.note("max_pending clients are waiting for it");
    return outcome::backend_max_pending;
}

} // namespace

task<std::optional<outcome>> proxy(passage& way, backend& to) {
    if (!to.make_room())
        co_return turned_away(way);
    const backend::pending pending{to};
    if (to.targets().awaits_answer()) {
        const bool has_place = co_await wait_for_answer(way, to);
        if (!has_place)
            co_return turned_away(way);
    }
    co_return co_await connect_and_relay(way, to);
}

task<std::optional<outcome>> hold_for_proxy(passage& way, backend& to, std::optional<outcome> last) {
    if (to.settings().hold <= 0ms)
        co_return last;
    way.about.backend = to.settings().name;
    if (!to.make_room())
        co_return last == outcome::backend_max_pending ? last : turned_away(way);
    const backend::pending pending{to};
    const auto until = net::clock::now() + to.settings().hold;
    const auto detail = way.about.detail; // each attempt would add to it
    backend::held place{to, way.thread.loop};
    while (net::clock::now() < until && way.keeps(place)) {
        const bool my_turn = co_await place.wait(until);
        if (way.is_removed(to.settings()))
            co_return removed(way);
        if (!my_turn)
            continue;
        way.about.detail = detail;
        last = co_await connect_and_relay(way, to, until);
        if (!last || way.is_removed(to.settings()))
            co_return last;
    }
    if (way.is_gone())
        co_return outcome::client_closed;
    co_return place.is_displaced() ? turned_away(way) : last;
}

} // namespace snipass::server
