// SPDX-License-Identifier: BSL-1.0
// A routed client on its way: each backend in turn is offered the client, holds it while it is away, and has
// another one for the client where nobody takes it.
#include "snipass/delivery/delivery.hpp"

#include "handing_off.hpp"
#include "relaying.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

// offer makes one round of the backend's addresses, which has ended `until` then.
task<attempt> offer(routed_client& client, backend& to, net::time_point until) {
    return to.settings().handoff() != nullptr ? hand_off(client, to, until) : relay(client, to, until);
}

not_taken turned_away() {
    return {.why = outcome::backend_max_pending, .detail = "max_pending clients are waiting for it"};
}

// awaits_answer: the router has only just begun to ask where this backend is.
bool awaits_answer(backend& to) {
    return to.settings().relay() != nullptr && to.targets().awaits_answer();
}

// longest_hold: nobody is turned away because the answer has not come yet.
std::chrono::milliseconds longest_hold(const backend& to, bool awaits) {
    const auto hold = to.settings().hold;
    return awaits ? std::max(hold, to.settings().relay()->connect_timeout) : hold;
}

// says_more: an attempt that the end of the hold has cut short tells only that somebody is there who has not
// answered yet. What the backend did before may say more.
bool says_more(outcome before) {
    return before == outcome::backend_declined || before == outcome::backend_silent ||
           before == outcome::backend_backlog_full || before == outcome::backend_queue_full;
}

// A wake that comes so late says that this process was stopped (SIGSTOP, a snapshot, swap). The backend may
// be back, and nobody has looked: each client is offered once more, for so long.
constexpr auto longest_lag = 100ms;
constexpr auto last_attempt = 1s;

// hold keeps a client that nobody took, and offers it again while its backend is away. Whoever waits for the
// first answer (`awaits`) is offered once it has come, however short the hold is.
task<attempt> hold(routed_client& client, backend& to, not_taken last, bool awaits) {
    const auto begun = net::clock::now();
    backend::held place{to, client.thread.loop};
    for (;;) {
        const auto until = begun + longest_hold(to, awaits);
        if (net::clock::now() >= until || !client.keeps(place))
            break;
        const bool my_turn = co_await place.wait(until);
        if (client.is_removed(to.settings()))
            co_return removed();
        const auto now = net::clock::now();
        const bool was_stopped = now >= until + longest_lag;
        const bool has_answer = std::exchange(awaits, awaits && awaits_answer(to)) && !awaits;
        if (!was_stopped && !has_answer && (!my_turn || now >= until))
            continue;
        const auto end = was_stopped ? now + last_attempt : until;
        auto made = co_await offer(client, to, end);
        auto* const failed = std::get_if<not_taken>(&made);
        if (failed == nullptr || failed->is_final)
            co_return made;
        to.knocked_in_vain(failed->why);
        const bool cut_short = failed->why == outcome::backend_silent && net::clock::now() >= end;
        if (!cut_short || !says_more(last.why))
            last = std::move(*failed);
    }
    if (client.is_gone())
        co_return not_taken{outcome::client_closed};
    if (place.is_displaced())
        co_return turned_away();
    co_return last;
}

// give does all for one client that is to be done with one backend.
task<attempt> give(routed_client& client, backend& to) {
    if (!to.make_room())
        co_return turned_away();
    const backend::pending pending{to};
    const bool awaits = awaits_answer(to);
    auto made = co_await offer(client, to, net::time_point::max());
    auto* const failed = std::get_if<not_taken>(&made);
    if (failed != nullptr && !failed->is_final) {
        // Nobody keeps account of hosts that clients choose.
        const bool is_away = is_backends_fault(failed->why) && to.settings().forward() == nullptr;
        if (is_away && !to.is_away())
            to.did_not_take(client.thread.events, failed->why, failed->in_words());
        if (longest_hold(to, awaits) > 0ms)
            made = co_await hold(client, to, std::move(*failed), awaits);
    }
    if (!std::holds_alternative<not_taken>(made))
        to.took(client.thread.events);
    co_return made;
}

} // namespace

task<delivered> deliver(routed_client client, std::size_t first) {
    auto why = outcome::internal_error;
    for (std::optional at{first}; at;) {
        auto& to = *client.site->backends[*at];
        client.about.backend = to.settings().name;
        const auto made = co_await give(client, to);
        if (std::holds_alternative<handed_off>(made))
            co_return handed_off{};
        if (std::holds_alternative<relayed>(made))
            co_return relayed{};
        client.socket.restore();
        const auto& failed = std::get<not_taken>(made);
        why = failed.why;
        if (why == outcome::client_closed)
            break;
        client.note(failed.in_words());
        if (client.is_gone()) {
            why = outcome::client_closed;
            break;
        }
        at = to.settings().sorry;
    }
    co_return still_ours{std::move(client.socket), why};
}

} // namespace snipass::server
