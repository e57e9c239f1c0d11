// SPDX-License-Identifier: BSL-1.0
// What one thread waits with.
#include "snipass/net/event_loop.hpp"

#include "snipass/os/error.hpp"

#include <boost/system/system_error.hpp>

#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace snipass::net {
namespace {

// A target's address is even, so its lowest bit can say which of its descriptors an event is for.
constexpr std::uint64_t which_bit = 1;

// Descriptors that are watched again while they are told of could be ready again and again.
constexpr unsigned most_looks = 1'024;

// An alarm that is so late says that the process was stopped. One that is not has a busy thread: others have
// come first for long enough after this time.
constexpr std::chrono::milliseconds lateness{100};
constexpr std::chrono::milliseconds busy_time{5};

std::uint64_t tag(const ready_target& one, unsigned which = 0) noexcept {
    return reinterpret_cast<std::uintptr_t>(&one) | which;
}

} // namespace

event_loop::event_loop() {
    if (const auto ec = epoll_.add(posted_.fd(), tag(posted_)))
        throw boost::system::system_error{ec, "epoll_ctl"};
}

event_loop::~event_loop() {
    destroy_tasks();
}

void event_loop::run() {
    while (!stopped_)
        (void)take_turn(time_point::max());
}

bool event_loop::take_turn(time_point until) {
    if (!alarms_.empty())
        until = std::min(until, alarms_.begin()->when());
    count_turn();
    events_end_ = epoll_.wait(events_, until);
    count_turn();
    const bool ready = events_end_ > 0;
    tell_events();
    return (is_due() && expire_due()) || ready;
}

bool event_loop::is_due() const {
    return !alarms_.empty() && alarms_.begin()->when() <= clock::now();
}

// tell_what_is_there: the process may have been stopped for a while (SIGSTOP, a snapshot, swap), and the wait
// may have been cut short or have brought only a part of what happened meanwhile.
void event_loop::tell_what_is_there() {
    const auto now = clock::now();
    const auto first = alarms_.begin()->when(); // before the clock's beginning: at once
    const bool is_late = first > time_point{} && first <= now - lateness;
    const auto end = is_late ? time_point::max() : now + busy_time;
    for (unsigned looks = 0; looks < most_looks; ++looks) {
        events_end_ = epoll_.wait(events_, time_point::min());
        tell_events();
        if (events_end_ < events_.size() || clock::now() >= end)
            break;
    }
}

void event_loop::post(std::function<void()> job) {
    posted_.add(std::move(job));
}

void event_loop::stop() {
    stopped_ = true;
    post([] {});
}

event_loop::posted_jobs::posted_jobs() : wakes_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wakes_)
        throw boost::system::system_error{os::last_error(), "eventfd"};
}

void event_loop::posted_jobs::add(std::function<void()> job) {
    const std::lock_guard lock{mutex_};
    jobs_.push_back(std::move(job));
    if (jobs_.size() == 1)
        (void)::eventfd_write(wakes_.get(), 1); // fails only at 2^64 - 1
}

// The descriptor is watched for edges, each write is one, and nobody has to read it.
void event_loop::posted_jobs::on_ready(unsigned /*which*/, std::uint32_t /*events*/) {
    std::vector<std::function<void()>> jobs;
    {
        const std::lock_guard lock{mutex_};
        jobs.swap(jobs_);
    }
    for (const auto& job : jobs)
        job();
    jobs.clear();
    const std::lock_guard lock{mutex_};
    if (jobs_.empty())
        jobs_.swap(jobs); // its room, so that a stop can be asked for without memory
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

error_code event_loop::watch_shared(int fd, ready_target& one) {
    return epoll_.add_shared(fd, tag(one));
}

void event_loop::forget(const ready_target& one) noexcept {
    for (auto i = next_event_; i < events_end_; ++i)
        if ((events_[i].data.u64 & ~which_bit) == tag(one))
            events_[i].data.u64 = 0;
}

void event_loop::tell_events() {
    for (next_event_ = 0; next_event_ < events_end_;) {
        const auto event = events_[next_event_++]; // telling may forget, but not this one any more
        if (auto* const one = reinterpret_cast<ready_target*>(event.data.u64 & ~which_bit))
            one->on_ready(static_cast<unsigned>(event.data.u64 & which_bit), event.events);
    }
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
    one.when_ = when > expiring_ ? when : expiring_ + clock::duration{1};
    alarms_.insert(one);
}

// An alarm that is armed meanwhile for a time that has passed is for the next turn: the others on this thread
// come first.
bool event_loop::expire_due() {
    tell_what_is_there();
    if (!is_due())
        return false;
    expiring_ = clock::now();
    while (!alarms_.empty() && alarms_.begin()->when() <= expiring_) {
        auto& due = *alarms_.begin();
        due.disarm();
        due.expire();
    }
    expiring_ = time_point::min();
    return true;
}

} // namespace snipass::net
