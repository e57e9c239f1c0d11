// SPDX-License-Identifier: BSL-1.0
// What a session needs of its thread.
#include "snipass/context/context.hpp"

#include <algorithm>
#include <new>
#include <string>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

// What may happen for each client, and for as long as it likes, is told once in a while.
constexpr auto tell_interval = 1s;

// A source that is served has no more clients than this on their way at once, most often.
constexpr std::size_t few_pending = 16;

bool may_tell(net::time_point& last) {
    const auto now = net::clock::now();
    if (now - last < tell_interval)
        return false;
    last = now;
    return true;
}

} // namespace

context::context(address_book& known, log& target)
    : book(known), events(target), lines(loop, target), relays(loop), names(loop) {}

bool context::listens_on(const ip_endpoint& one) const {
    return std::ranges::any_of(listening, [&one](const ip_endpoint& mine) {
        const bool any = mine.address == ip_address{} || mine.address == ip_address::v4({});
        return mine.port == one.port && (any || mine.address == one.address);
    });
}

bool context::make_room() {
    if (may_tell(told_no_room_))
        events.write(config::log_level::warn,
                     "out of file descriptors or memory (raise LimitNOFILE=): clients that wait make room");
    try {
        const auto most_waiting = waiting.places_of_largest();
        return pending.displace_one(std::max(most_waiting, few_pending)) || waiting.shed_oldest() ||
               (pending.size() > few_pending && pending.is_half_full() && pending.displace_one(0));
    } catch (const std::bad_alloc&) { // sources are counted first, which takes memory
        return false;
    }
}

void context::tell_in_flight() {
    if (!may_tell(told_in_flight_))
        return;
    const auto [backend, count] = book.least_answering();
    events.write(config::log_level::warn,
                 "the kernel has no room for descriptors in flight: who was sent most has neither answered "
                 "nor read them",
                 {{"backend", backend}, {"unanswered", std::uint64_t{count}}});
}

void context::finish(record& one, outcome_counters* at_listener) {
    counters.outcomes[static_cast<std::size_t>(one.outcome)].add();
    if (one.left_without_a_byte())
        counters.empty.add();
    if (one.match)
        counters.matches[static_cast<std::size_t>(*one.match)].add();
    if (one.ech != ech_outcome::unasked)
        counters.ech[static_cast<std::size_t>(one.ech)].add();
    if (at_listener != nullptr)
        count(one, *at_listener);
    lines.add(one);
}

// count is what [metrics] asks for besides. The log would look at the clock for the duration anyway.
void context::count(record& one, outcome_counters& at_listener) {
    at_listener[static_cast<std::size_t>(one.outcome)].add();
    if (one.duration == 0us)
        one.end_now();
    if (one.hello_bytes > 0)
        counters.hello_size.add(one.hello_bytes);
    if (one.outcome == outcome::handed_off)
        counters.handoff_time.add(static_cast<std::uint64_t>(one.duration.count()));
    else if (!is_service(one.outcome) && !one.left_without_a_byte())
        failures.add(one);
}

void context::refuse_handoff(const config::listener_settings& listener, std::string_view why) {
    counters.handoffs_refused.add();
    if (may_tell(told_refused_))
        events.write(config::log_level::warn, "a handoff was refused",
                     {{"listener", listener.address}, {"why", why}});
}

} // namespace snipass::server
