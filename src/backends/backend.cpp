// SPDX-License-Identifier: BSL-1.0
// What one worker knows of one backend.
#include "snipass/backends/backend.hpp"

#include <algorithm>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

// The first of the held clients tries a backend soon, then less often. To find nobody costs one system call,
// and a restart is to go unseen; who is there and declines has something to do each time, and writes of it.
constexpr auto first_pause = 20ms;
constexpr auto last_pause_of_nobody = 100ms;
constexpr auto last_pause = 1s;

// How often the others look whether their clients are still there.
constexpr auto look_interval = 1s;

} // namespace

backend::backend(const config::backend_settings& settings, std::size_t max_pending, address_book& book,
                 pending_room& room)
    : settings_(settings), targets_(settings, book), presence_(book.presence_of(settings.name)),
      places_(room.at_backend(settings.name)), pause_(first_pause) {
    places_->set_limit(max_pending);
    if (const auto* const proxy = settings.proxy())
        relaying_ = {proxy->idle_timeout, proxy->max_lifetime,
                     proxy->keepalive,    proxy->user_timeout,
                     proxy->min_rate,     reinterpret_cast<std::uintptr_t>(presence_.get())};
    const auto* const handoff = settings.handoff();
    if (handoff == nullptr || !traits_of(handoff->protocol).is_datagram)
        return;
    for (const auto& path : handoff->paths)
        channels_.emplace_back(path, presence_, handoff->owner());
}

void backend::did_not_take(log& to, outcome why, std::string_view detail) {
    presence_->did_not_take(to, settings_.name, why, detail);
}

void backend::took(log& to) {
    presence_->took(to, settings_.name);
    pause_ = first_pause;
    for (int calls = 2; calls > 0 && !held_.empty(); --calls) {
        auto& next = *held_.begin();
        next.in_line_.unlink();
        turn_ = next.turn_;
        next.sleeper_.wake();
    }
}

backend::held::held(backend& owner, pending& client, net::event_loop& loop)
    : client_(client), owner_(owner), sleeper_(loop) {
    ++owner_.presence_->held;
    client_.is_held = true;
    join();
}

backend::held::~held() {
    const bool had_its_turn = !in_line_.is_linked() || is_first();
    in_line_.unlink();
    client_.is_held = false;
    --owner_.presence_->held;
    if (!had_its_turn || owner_.held_.empty())
        return;
    owner_.next_knock_ = net::clock::now();
    owner_.held_.begin()->sleeper_.wake(); // it is the first now
}

// join: of those whose turn is the same, who came first is called first.
void backend::held::join() {
    turn_ = owner_.turn_ + owner_.places_->places_of(client_.source());
    if (owner_.held_.empty())
        owner_.next_knock_ = net::clock::now() + owner_.pause_;
    owner_.held_.insert(*this);
}

void backend::held::tried_in_vain(outcome why) {
    const bool nobody =
        why == outcome::backend_absent || why == outcome::backend_refused || why == outcome::backend_drained;
    const net::clock::duration last = nobody ? last_pause_of_nobody : last_pause;
    auto& pause = owner_.pause_;
    pause = std::min(2 * pause, std::max(last, pause));
    owner_.next_knock_ = net::clock::now() + pause;
    in_line_.unlink(); // and it joins again
    if (!owner_.held_.empty())
        owner_.held_.begin()->sleeper_.wake(); // it knocks next
}

net::task<bool> backend::held::wait(net::time_point until) {
    if (!in_line_.is_linked())
        join();
    const net::interruption::cover displaced{client_.displacement(), sleeper_};
    const auto look = std::min(net::clock::now() + look_interval, until);
    for (;;) {
        const auto next = is_first() ? std::min(owner_.next_knock_, look) : look;
        co_await sleeper_.sleep(next);
        if (client_.is_displaced())
            co_return false;
        const auto now = net::clock::now();
        const bool was_called = !in_line_.is_linked();
        if (was_called || (is_first() && now >= owner_.next_knock_))
            co_return true;
        if (now >= look)
            co_return false;
    } // woken because it is the first now, and knocks when the pause is over
}

} // namespace snipass::server
