// SPDX-License-Identifier: BSL-1.0
// What one worker knows of one backend.
#include "snipass/backends/backend.hpp"

#include "snipass/base/source.hpp"

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

backend::backend(const config::backend_settings& settings, std::size_t max_pending, address_book& book)
    : settings_(settings), targets_(settings, book), presence_(book.presence_of(settings.name)),
      shares_(max_pending), pause_(first_pause) {
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

void backend::knocked_in_vain(outcome why) noexcept {
    const bool nobody = why == outcome::backend_absent || why == outcome::backend_refused;
    const net::clock::duration last = nobody ? last_pause_of_nobody : last_pause;
    pause_ = std::min(2 * pause_, std::max(last, pause_));
}

void backend::took(log& to) {
    presence_->took(to, settings_.name);
    pause_ = first_pause;
    for (int calls = 2; calls > 0 && !held_.empty(); --calls) {
        auto& next = held_.front();
        held_.pop_front();
        next.sleeper_.wake();
    }
}

backend::pending::pending(backend& owner, const ip_address& source) : owner_(owner) {
    if (owner.shares_.size() >= owner.shares_.limit() && !owner.displaceable_.empty())
        owner.displace_first_for(source);
    if (auto* const gone = owner.shares_.enter(*this, source))
        static_cast<pending*>(gone)->make_way();
}

// displace_first_for: of whichever source has to make way for one more of `source`, the first of those who
// may be displaced goes, if there is one.
void backend::displace_first_for(const ip_address& source) {
    const bool is_its_own = !shares_.has_room_for(source);
    const auto loser = source_of(is_its_own ? source : shares_.newest_of_largest()->source());
    const auto first = std::ranges::find_if(
        displaceable_, [&loser](const pending& one) { return source_of(one.source()) == loser; });
    if (first != displaceable_.end())
        first->make_way();
}

void backend::pending::may_be_displaced() {
    if (!in_displaceable_.is_linked() && !is_displaced())
        owner_.displaceable_.push_back(*this);
}

void backend::pending::make_way() {
    leave();
    in_displaceable_.unlink();
    displacement_.come();
}

backend::held::held(pending& client, net::event_loop& loop)
    : client_(client), owner_(client.owner_), sleeper_(loop) {
    owner_.held_.push_back(*this);
}

backend::held::~held() {
    const bool had_its_turn = !in_queue_.is_linked() || &owner_.held_.front() == this;
    in_queue_.unlink();
    if (had_its_turn && !owner_.held_.empty())
        owner_.held_.front().sleeper_.wake(); // it is the first now
}

net::task<bool> backend::held::wait(net::time_point until) {
    if (!in_queue_.is_linked())
        owner_.held_.push_back(*this);
    const auto is_first = [this] { return &owner_.held_.front() == this; };
    const auto interval = is_first() ? owner_.pause_ : net::clock::duration{look_interval};
    const auto next = std::min(net::clock::now() + interval, until);
    const net::interruption::cover displaced{client_.displacement(), sleeper_};
    co_await sleeper_.sleep(next);
    const bool was_called = !in_queue_.is_linked();
    co_return (was_called || is_first()) && !client_.is_displaced();
}

} // namespace snipass::server
