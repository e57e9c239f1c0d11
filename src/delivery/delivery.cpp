// SPDX-License-Identifier: BSL-1.0
// A client on its way to a backend.
#include "snipass/delivery/delivery.hpp"

#include "passage.hpp"
#include "proxying.hpp"

#include "snipass/net/handoff.hpp"
#include "snipass/net/proxy_header.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/tls/hello_error.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::handoff_status;
using net::task;

// No event announces room in a backlog or in a queue: look again soon, then less often.
constexpr auto first_retry = 1ms;
constexpr auto last_retry = 50ms;

std::string describe(const net::handoff_result& last) {
    if (last.error == os::make_error(ENOMSG))
        return "its first bytes are no longer in its socket, where stream needs them";
    return last.error ? last.error.message() : std::string{to_string(to_outcome(last.status))};
}

// is_unfit: this backend can never have this client, be it away or not, because its first bytes are too many
// for a datagram, or are no longer in its socket.
bool is_unfit(const net::handoff_result& last) noexcept {
    return last.error == os::make_error(EMSGSIZE) || last.error == os::make_error(ENOMSG);
}

// delivery is the frame of one client's way.
class delivery {
  public:
    explicit delivery(const passage& way) : way_(way) {}

    task<std::optional<outcome>> run(std::size_t first);

  private:
    using attempt = net::handoff_result;

    task<outcome> hand_off(backend& to);
    task<attempt> hold(backend& to, attempt last);
    task<attempt> offer(backend& to, net::time_point until);
    task<attempt> offer_to(backend& to, std::size_t address, net::time_point deadline);
    task<attempt> try_stream(std::string_view path, net::time_point deadline);
    attempt try_datagram(net::datagram_channel& channel);

    result<byte_view> first_bytes();

    outcome turned_away() {
        way_.note("max_pending clients are waiting for it");
        return outcome::backend_max_pending;
    }

    passage way_;
    bool was_displaced_ = false; // by another client, while it was held
};

task<std::optional<outcome>> delivery::run(std::size_t first) {
    std::optional<outcome> end;
    backend* away = nullptr; // the first proxied one that was not there
    for (std::optional at{first}; at;) {
        auto& to = *way_.site->backends[*at];
        way_.about.backend = to.settings().name;
        if (to.settings().handoff())
            end = co_await hand_off(to);
        else
            end = co_await proxy(way_, to);
        if (!way_.client || end == outcome::client_closed)
            co_return end;
        // Nobody waits for a host that a stranger has chosen, nor for a loop to end.
        const bool refused = end == outcome::destination_refused;
        if (away == nullptr && to.settings().relay() && !refused)
            away = &to;
        at = to.settings().sorry;
    }
    if (away != nullptr)
        end = co_await hold_for_proxy(way_, *away, end);
    co_return end;
}

task<outcome> delivery::hand_off(backend& to) {
    if (!to.make_room())
        co_return turned_away();
    const backend::pending pending{to};
    auto last = co_await offer(to, net::time_point::max());
    if (last.status != handoff_status::taken && !is_unfit(last))
        last = co_await hold(to, last);
    if (last.status == handoff_status::taken) {
        to.is_back();
    } else if (way_.is_gone()) {
        co_return outcome::client_closed;
    } else if (was_displaced_) {
        co_return turned_away();
    } else {
        way_.note(describe(last));
    }
    co_return to_outcome(last.status);
}

// hold keeps the client and offers it again, while the backend is away.
task<delivery::attempt> delivery::hold(backend& to, attempt last) {
    const auto until = net::clock::now() + to.settings().hold;
    if (to.settings().hold <= 0ms)
        co_return last;
    backend::held place{to, way_.thread.loop};
    while (last.status != handoff_status::taken && !is_unfit(last) && way_.keeps(place)) {
        const bool my_turn = co_await place.wait(until);
        if (net::clock::now() >= until)
            break;
        if (my_turn)
            last = co_await offer(to, until);
    }
    was_displaced_ = place.is_displaced();
    co_return last;
}

// offer makes one round of the backend's addresses, which has ended `until` then.
task<delivery::attempt> delivery::offer(backend& to, net::time_point until) {
    attempt last;
    const auto& settings = *to.settings().handoff();
    for (std::size_t i = 0; i < settings.paths.size(); ++i) {
        const auto deadline = std::min(net::clock::now() + settings.attempt_timeout(), until);
        last = co_await offer_to(to, i, deadline);
        if (last.status == handoff_status::taken || net::clock::now() >= until)
            break;
    }
    co_return last;
}

// offer_to makes attempts until `deadline`, as long as what is in their way may pass.
task<delivery::attempt> delivery::offer_to(backend& to, std::size_t address, net::time_point deadline) {
    const auto& settings = *to.settings().handoff();
    for (auto retry = first_retry;; retry = std::min(2 * retry, last_retry)) {
        attempt last;
        if (settings.protocol == config::handoff_protocol::datagram)
            last = try_datagram(to.channels()[address]);
        else
            last = co_await try_stream(settings.paths[address], deadline);
        const auto now = net::clock::now();
        // An attempt without time for an answer would only be taken back.
        if (!net::may_pass_soon(last.status) || now + retry >= deadline)
            co_return last;
        auto next = now + retry;
        // A client whose hello is complete goes before those whose is not.
        if (last.error == os::make_error(EMFILE) && way_.thread.make_room())
            next = now;
        net::sleeper sleeper{way_.thread.loop};
        co_await sleeper.sleep(next);
    }
}

task<delivery::attempt> delivery::try_stream(std::string_view path, net::time_point deadline) {
    // A stream backend finds the whole hello in the socket, so a client whose bytes were consumed is not for
    // it.
    if (!way_.consumed.empty())
        co_return attempt{handoff_status::failed, os::make_error(ENOMSG)};
    const auto header = net::make_proxy_v2(way_.facts());
    const bool was_shared = std::exchange(way_.about.is_shared, true); // it may be, from any moment on
    const auto end = co_await net::hand_off_stream(way_.thread.loop, path, way_.client, header, deadline);
    const bool was_sent = end.status == handoff_status::silent || end.status == handoff_status::declined;
    way_.about.is_shared = was_shared || was_sent;
    co_return end;
}

// try_datagram consumes the client's first bytes only when the channel is believed to have room. Where that
// was wrong they are kept for the next attempt; a receiver that was restarted is tried again at once.
delivery::attempt delivery::try_datagram(net::datagram_channel& channel) {
    attempt last;
    for (int round = 0; round < 2; ++round) {
        const auto bytes = first_bytes();
        if (!bytes)
            return {handoff_status::failed, bytes.error()};
        last = channel.ready(bytes->size());
        if (last.status != handoff_status::taken)
            return last;
        if (way_.consumed.empty()) {
            const auto n = os::discard(way_.client.get(), bytes->size());
            if (!n)
                return {handoff_status::failed, n.error()};
        }
        last = channel.send(way_.client, *bytes);
        if (last.status == handoff_status::taken)
            return last;
        if (way_.consumed.empty())
            way_.consumed.assign(bytes->begin(), bytes->end());
        if (last.status != handoff_status::refused)
            return last;
    }
    return last;
}

// first_bytes is what a datagram carries: what was consumed, or the hello. What the client has sent behind it
// (early data) the receiver finds in the socket, and a small receiver need not have room for it.
result<byte_view> delivery::first_bytes() {
    if (!way_.consumed.empty())
        return byte_view{way_.consumed};
    if (!way_.peeker.is_current(way_.thread.buffer)) {
        const auto state = way_.peeker.look(way_.client.get(), way_.thread.buffer);
        // That it is no hello was judged before it came here; its bytes are what they are.
        if (!state && state.error().category() != tls::hello_category())
            return state.error();
    }
    return way_.peeker.first_bytes();
}

} // namespace

task<std::optional<outcome>> deliver(context& thread, const std::shared_ptr<generation>& site,
                                     os::unique_fd& client, net::hello_peeker& peeker, record& about,
                                     std::size_t first, std::vector<std::uint8_t> consumed) {
    delivery one{passage{thread, site, client, peeker, about, std::move(consumed)}};
    co_return co_await one.run(first);
}

} // namespace snipass::server
