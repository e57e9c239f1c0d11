// SPDX-License-Identifier: BSL-1.0
// What one worker knows of one backend.
#include "snipass/backends/backend.hpp"

#include <algorithm>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

// How often the first of the held clients tries a backend that is away.
constexpr auto knock_interval = 20ms;

// How often the others look whether their clients are still there.
constexpr auto look_interval = 1s;

} // namespace

backend::backend(const config::backend_settings& settings, std::size_t max_pending, address_book& book)
    : settings_(settings), targets_(settings, book), max_pending_(max_pending) {
    const auto* const handoff = settings.handoff();
    if (handoff == nullptr || handoff->protocol != config::handoff_protocol::datagram)
        return;
    for (const auto& path : handoff->paths)
        channels_.emplace_back(path);
}

bool backend::make_room() {
    if (has_room())
        return true;
    if (displaceable_.empty())
        return false;
    auto& first = displaceable_.front();
    displaceable_.pop_front();
    first.displaced_ = true;
    ++leaving_;
    first.sleeper_.wake();
    return true;
}

void backend::is_back() {
    for (auto& one : held_) {
        one.called_ = true;
        one.sleeper_.wake();
    }
}

backend::held::held(backend& owner, net::event_loop& loop) : owner_(owner), sleeper_(loop) {
    owner_.held_.push_back(*this);
}

backend::held::~held() {
    in_queue_.unlink();
    if (displaced_)
        --owner_.leaving_;
    if (!owner_.held_.empty())
        owner_.held_.front().sleeper_.wake(); // maybe it is the first now
}

void backend::held::may_be_displaced() {
    if (!in_displaceable_.is_linked() && !displaced_)
        owner_.displaceable_.push_back(*this);
}

net::task<bool> backend::held::wait(net::time_point until) {
    const auto is_first = [this] { return &owner_.held_.front() == this; };
    called_ = false;
    const auto interval = is_first() ? knock_interval : net::clock::duration{look_interval};
    const auto next = std::min(net::clock::now() + interval, until);
    co_await sleeper_.sleep(next);
    co_return called_ || is_first();
}

} // namespace snipass::server
