// SPDX-License-Identifier: BSL-1.0
// A routed client on its way: each backend in turn is offered the client, holds it while it is away, and has
// another one for the client where nobody takes it.
#include "snipass/delivery/delivery.hpp"

#include "connecting.hpp"
#include "handing_off.hpp"
#include "relaying.hpp"
#include "snipass/os/tcp.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

task<attempt> say_drained() {
    co_return drained;
}

// offer makes one round of the backend's addresses, which has ended `until` then.
task<attempt> offer(routed_client& client, backend& to, net::time_point until) {
    if (to.drained().is_whole())
        return say_drained();
    return to.settings().handoff() != nullptr ? hand_off(client, to, until) : relay(client, to, until);
}

not_taken no_room(const pending& place) {
    if (place.is_closed())
        return {.why = outcome::closed_by_admin, .detail = "snipass close"};
    return {.why = outcome::backend_max_pending,
            .detail = place.is_for_descriptors()
                          ? "as many clients are waiting for backends as descriptors allow (LimitNOFILE=)"
                          : "max_pending clients are waiting for it"};
}

// failed_for_now: nobody took the client, and it may be tried again; else null.
const not_taken* failed_for_now(const attempt& made) {
    const auto* const failed = std::get_if<not_taken>(&made);
    return failed != nullptr && !failed->is_final ? failed : nullptr;
}

// awaits_answer: there was nothing to try, because the router has only just begun to ask where this backend
// is. The answer may have come meanwhile.
bool awaits_answer(backend& to, const not_taken& failed) {
    return to.settings().relay() != nullptr && failed.error == nothing_to_try &&
           (to.targets().awaits_answer() || !to.targets().all().empty());
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

// What was consumed of a client is in our memory, and not in its socket: with more than this it is not held.
// No hello of today's clients is so large.
constexpr std::size_t most_consumed = 16'384;

// hold keeps a client that nobody took, and offers it again while its backend is away. Whoever waits for the
// first answer (`awaits`) is offered once it has come, however short the hold is.
task<attempt> hold(routed_client& client, backend& to, not_taken last, bool awaits) {
    if (client.held_since == net::time_point{})
        client.held_since = net::clock::now();
    const auto begun = client.held_since;
    backend::held held{to, *client.place, client.thread.loop};
    for (;;) {
        const auto until = begun + longest_hold(to, awaits);
        if (net::clock::now() >= until || !client.keeps_place())
            break;
        const bool my_turn = co_await held.wait(until);
        if (client.is_displaced())
            break;
        if (client.is_removed(to.settings()))
            co_return removed();
        const auto now = net::clock::now();
        const bool was_stopped = now >= until + longest_lag;
        const bool has_answer = std::exchange(awaits, awaits && to.targets().awaits_answer()) && !awaits;
        if (!was_stopped && !has_answer && (!my_turn || now >= until))
            continue;
        const auto end = was_stopped ? now + last_attempt : until;
        auto made = co_await offer(client, to, end);
        const auto* const failed = std::get_if<not_taken>(&made);
        if (failed == nullptr || failed->is_final)
            co_return made;
        held.tried_in_vain(failed->why);
        const bool cut_short = failed->why == outcome::backend_silent && net::clock::now() >= end;
        if (!cut_short || !says_more(last.why))
            last = *failed;
    }
    if (client.is_gone())
        co_return not_taken{outcome::client_closed};
    co_return last;
}

// in_words says why nobody took the client: what went wrong last, and which name has no address.
std::string in_words(const backend& to, const not_taken& how) {
    const auto missing = to.settings().relay() != nullptr && !how.is_final ? to.targets().why_missing() : "";
    if (missing.empty())
        return how.in_words();
    return how.error == nothing_to_try ? missing
                                       : how.in_words() + "; " + to.settings().name + ": " + missing;
}

// tell_away: nobody keeps account of hosts that clients choose.
void tell_away(routed_client& client, backend& to, const not_taken& how) {
    if (is_backends_fault(how.why) && to.settings().forward() == nullptr && !to.is_away())
        to.did_not_take(client.thread.events, how.why, in_words(to, how));
}

still_ours leave(routed_client& client) {
    return {std::move(client.socket), outcome::cut_off, true, client.held_since};
}

} // namespace

task<delivered> deliver(routed_client client, std::size_t first) {
    auto why = outcome::internal_error;
    for (std::optional at{first}; at; at = client.snapshot->backends[*at]->settings().sorry) {
        if (client.thread.is_leaving)
            co_return leave(client);
        auto& to = *client.snapshot->backends[*at];
        client.about.backend = to.settings().name;
        const bool has_made_way = why == outcome::backend_max_pending;
        pending place{client.thread.pending, to.places(), client.about.client.address, has_made_way};
        client.place = &place;
        place.about = &client.about;
        attempt made = no_room(place);
        if (!place.is_displaced())
            made = co_await offer(client, to, net::time_point::max());
        if (const auto* const failed = failed_for_now(made); failed && !place.is_displaced()) {
            tell_away(client, to, *failed);
            const bool awaits = awaits_answer(to, *failed);
            if (longest_hold(to, awaits) > 0ms && client.consumed.size() <= most_consumed)
                made = co_await hold(client, to, *failed, awaits);
        }
        if (place.is_displaced() && failed_for_now(made))
            made = no_room(place);
        const auto* const failed = std::get_if<not_taken>(&made);
        const auto* const with_us = std::get_if<relayed>(&made);
        if (failed == nullptr && (with_us == nullptr || with_us->has_begun))
            to.took(client.thread.events);
        if (with_us != nullptr)
            co_return *with_us;
        if (failed == nullptr) {
            to.count(outcome::handed_off);
            co_return handed_off{};
        }
        if (client.pair == nullptr)
            client.socket.restore();
        if (client.thread.is_leaving && !failed->is_final)
            co_return leave(client);
        client.held_since = {};
        why = place.is_closed() ? outcome::closed_by_admin : failed->why;
        if (why != outcome::client_closed && !failed->is_noted)
            client.note(in_words(to, *failed));
        if (client.is_gone())
            why = outcome::client_closed;
        to.count(why);
        if (why == outcome::client_closed || place.is_closed())
            break;
    }
    if (why != outcome::client_closed &&
        os::peer_has_closed(client.socket.get())) // it may have left long ago
        client.about.detail += "; the client had closed its side";
    co_return still_ours{std::move(client.socket), why, false, {}};
}

} // namespace snipass::server
