// One thread's Asio context and its deadlines.
#include "snipass/net/event_loop.hpp"

namespace snipass::net {
namespace {

// A target's address is even, so its lowest bit can say which of its descriptors an event is for.
constexpr std::uint64_t which_bit = 1;

std::uint64_t tag(const ready_target& one, unsigned which = 0) noexcept {
    return reinterpret_cast<std::uintptr_t>(&one) | which;
}

} // namespace

event_loop::event_loop() : timer_(io_.get_executor()), readiness_(io_.get_executor(), epoll_.fd()) {
    wait_for_events();
}

event_loop::~event_loop() {
    destroy_tasks();
    (void)readiness_.release(); // epoll_ closes it
}

error_code event_loop::watch(int fd, std::uint32_t events, ready_target& one) {
    return epoll_.add_once(fd, events, tag(one));
}

error_code event_loop::watch_again(int fd, std::uint32_t events, ready_target& one) {
    return epoll_.rearm_once(fd, events, tag(one));
}

error_code event_loop::watch_edges(int fd, ready_target& one, unsigned which) {
    return epoll_.add(fd, tag(one, which));
}

void event_loop::forget(const ready_target& one) noexcept {
    for (auto i = next_event_; i < events_end_; ++i)
        if ((events_[i].data.u64 & ~which_bit) == tag(one))
            events_[i].data.u64 = 0;
}

void event_loop::wait_for_events() {
    const auto what = boost::asio::posix::descriptor_base::wait_read;
    readiness_.async_wait(what, [this](const boost::system::error_code& ec) {
        if (!ec)
            tell_events();
    });
}

void event_loop::tell_events() {
    events_end_ = epoll_.ready(events_);
    for (next_event_ = 0; next_event_ < events_end_;) {
        const auto event = events_[next_event_++]; // telling may forget, but not this one any more
        if (auto* const one = reinterpret_cast<ready_target*>(event.data.u64 & ~which_bit))
            one->on_ready(static_cast<unsigned>(event.data.u64 & which_bit), event.events);
    }
    wait_for_events();
}

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
