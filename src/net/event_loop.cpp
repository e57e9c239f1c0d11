// One thread's Asio context and its deadlines.
#include "snipass/net/event_loop.hpp"

namespace snipass::net {

void event_loop::spawn(task<> body) {
    run_root(*this, std::move(body));
}

event_loop::root event_loop::run_root(event_loop& /*loop*/, task<> body) {
    co_await body;
}

void event_loop::destroy_tasks() noexcept {
    while (!roots_.empty()) {
        std::coroutine_handle<root::promise_type>::from_promise(roots_.front()).destroy();
    }
}

void event_loop::arm(alarm& one, time_point when) {
    one.disarm();
    if (when == time_point::max())
        return;
    one.when_ = when;
    alarms_.insert(one);
    if (when < timer_at_)
        set_timer(when);
}

// The timer is only ever moved to an earlier time. When the alarm it was set for is disarmed, it still fires,
// once, and is set for what is first then: far cheaper than following every change.
void event_loop::set_timer(time_point when) {
    timer_at_ = when;
    timer_.expires_at(when);
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            expire_due();
    });
}

void event_loop::expire_due() {
    timer_at_ = time_point::max();
    const auto now = clock::now();
    while (!alarms_.empty() && alarms_.begin()->when() <= now) {
        auto& due = *alarms_.begin();
        due.disarm();
        due.expire();
    }
    if (!alarms_.empty() && alarms_.begin()->when() < timer_at_)
        set_timer(alarms_.begin()->when());
}

} // namespace snipass::net
