// What one worker knows of one backend.
#include "snipass/server/backend.hpp"

#include <algorithm>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

// How often the first of the held clients tries a backend that is away.
constexpr auto knock_interval = 20ms;

} // namespace

backend::backend(const config::backend_settings& settings, std::size_t max_pending)
    : settings_(settings), max_pending_(max_pending) {
    if (settings.protocol != config::handoff_protocol::datagram)
        return;
    for (const auto& path : settings.handoff)
        channels_.emplace_back(path);
}

void backend::is_back() {
    for (auto& one : held_)
        one.sleeper_.wake();
}

backend::held::held(backend& owner, net::event_loop& loop) : owner_(owner), sleeper_(loop) {
    owner_.held_.push_back(*this);
}

backend::held::~held() {
    in_queue_.unlink();
    if (!owner_.held_.empty())
        owner_.held_.front().sleeper_.wake(); // maybe it is the first now
}

net::task<> backend::held::wait(net::time_point until) {
    const bool first = &owner_.held_.front() == this;
    const auto next = first ? std::min(net::clock::now() + knock_interval, until) : until;
    co_await sleeper_.sleep(next);
}

} // namespace snipass::server
