// SPDX-License-Identifier: BSL-1.0
// A client whose socket a process of this machine is to have.
#include "handing_off.hpp"

#include "protocols.hpp"

#include "snipass/net/sleeper.hpp"
#include "snipass/os/error.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

// No event announces room in a backlog or in a queue: look again soon, then less often.
constexpr auto first_retry = 1ms;
constexpr auto last_retry = 50ms;

// sleep_until: a client whose hello is complete goes before those whose is not. Where there are no
// descriptors, one of them makes room, and there is nothing to wait for.
task<> sleep_until(const routed_client& client, net::time_point next, error_code why) {
    if (why == os::make_error(EMFILE) && client.thread.make_room())
        next = net::clock::now();
    net::sleeper sleeper{client.thread.loop};
    const net::interruption::cover displaced{client.displacement(), sleeper};
    co_await sleeper.sleep(next);
}

begun_attempt begin(routed_client& client, backend& to, std::size_t path, net::time_point end) {
    if (const auto ec = client.make_ready(reinterpret_cast<std::uintptr_t>(to.known().get())))
        return not_taken{.why = to_outcome(ec), .error = ec};
    return function_of(to.settings().handoff()->protocol)(client, to, path, end);
}

} // namespace

task<attempt> hand_off(routed_client& client, backend& to, net::time_point until) {
    const auto& settings = *to.settings().handoff();
    attempt made = drained;
    for (std::size_t path = 0; path < settings.paths.size(); ++path) {
        if (to.drained().has(path))
            continue;
        auto end = until; // of this path's time, once it has failed
        for (auto pause = first_retry;; pause = std::min(2 * pause, last_retry)) {
            auto begun = begin(client, to, path, end);
            if (auto* const answer = std::get_if<task<attempt>>(&begun))
                made = co_await *answer;
            else
                made = std::move(std::get<attempt>(begun));
            auto* const failed = std::get_if<not_taken>(&made);
            if (failed == nullptr)
                co_return made;
            failed->where = settings.paths[path];
            if (failed->error == os::make_error(ETOOMANYREFS))
                client.thread.tell_in_flight();
            // An attempt without time for an answer would only be taken back.
            const auto now = net::clock::now();
            const auto next = now + pause;
            end = std::min(end, now + settings.attempt_timeout());
            if (!may_pass_soon(failed->why) || next >= end)
                break;
            co_await sleep_until(client, next, failed->error);
            if (client.is_displaced())
                co_return made;
        }
        if (client.is_displaced() || net::clock::now() >= until)
            break;
    }
    co_return made;
}

} // namespace snipass::server
