// SPDX-License-Identifier: BSL-1.0
// What one thread waits with.
#include "snipass/net/event_loop.hpp"

#include "snipass/os/error.hpp"

#include <boost/system/system_error.hpp>

#include <sys/eventfd.h>

#include <sys/epoll.h>
#include <algorithm>
#include <utility>

namespace snipass::net {
namespace {

} // namespace

event_loop::event_loop() {
    if (const auto ec = watch_edges(posted_.fd(), posted_, 0))
        throw boost::system::system_error{ec, "epoll_ctl"};
}

event_loop::~event_loop() {
    destroy_tasks();
}

void event_loop::run() {
    while (!stopped_)
        (void)take_turn(time_point::max());
}

void event_loop::set_timer() {
    if (alarms_.empty() || alarms_.begin()->when() >= timer_at_)
        return;
    timer_at_ = alarms_.begin()->when();
    timer_.expires_at(timer_at_);
    timer_.async_wait([this](const error_code& ec) {
        if (!ec)
            timer_at_ = time_point::max();
    });
}

bool event_loop::take_turn(time_point) {
    set_timer();
    count_turn();
    const auto n = io_.run_one();
    count_turn();
    return (is_due() && expire_due()) || n > 0;
}

bool event_loop::is_due() const {
    return !alarms_.empty() && alarms_.begin()->when() <= clock::now();
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
    eventfd_t value = 0;
    (void)::eventfd_read(wakes_.get(), &value);
    std::vector<std::function<void()>> jobs;
    {
        const std::lock_guard lock{mutex_};
        jobs.swap(jobs_);
    }
    for (const auto& job : jobs)
        job();
}

error_code event_loop::attach(int fd, ready_target& one, unsigned which) {
    auto& slot = one.slot(which);
    slot.emplace(io_);
    error_code ec;
    slot->assign(fd, ec);
    if (ec)
        slot.reset();
    return ec;
}

void event_loop::wait(ready_target& one, unsigned which, std::uint32_t events, bool again) {
    auto& slot = *one.slot(which);
    const auto kind = events == EPOLLOUT ? descriptor::wait_write : descriptor::wait_read;
    const std::uint32_t tells = events == EPOLLOUT ? EPOLLOUT : EPOLLIN;
    if (!again)
        return slot.async_wait(kind, [&one, which, tells](const error_code& ec) {
            if (!ec)
                one.on_ready(which, tells);
        });
    slot.async_wait(kind, [this, &one, which, events, tells, alive = one.alive_](const error_code& ec) {
        if (ec || !*alive)
            return;
        one.on_ready(which, tells);
        if (*alive && one.slot(which))
            wait(one, which, events, true);
    });
}

error_code event_loop::watch(int fd, std::uint32_t events, ready_target& one) {
    if (const auto ec = attach(fd, one, 0))
        return ec;
    wait(one, 0, events & ~std::uint32_t{EPOLLRDHUP}, false);
    return {};
}

error_code event_loop::watch_again(int, std::uint32_t events, ready_target& one) {
    wait(one, 0, events & ~std::uint32_t{EPOLLRDHUP}, false);
    return {};
}

error_code event_loop::watch_edges(int fd, ready_target& one, unsigned which) {
    if (const auto ec = attach(fd, one, which))
        return ec;
    if (!one.alive_)
        one.alive_ = std::make_shared<bool>(true);
    wait(one, which, EPOLLIN, true);
    return {};
}

error_code event_loop::watch_shared(int fd, ready_target& one) {
    if (const auto ec = attach(fd, one, 0))
        return ec;
    if (!one.alive_)
        one.alive_ = std::make_shared<bool>(true);
    wait(one, 0, EPOLLIN, true);
    return {};
}

void event_loop::unwatch(ready_target& one, unsigned which) {
    auto& slot = one.slot(which);
    if (slot) {
        (void)slot->release();
        slot.reset();
    }
}

void event_loop::closed(ready_target& one, os::unique_fd fd, unsigned which) {
    auto& slot = one.slot(which);
    if (!slot)
        return;
    (void)fd.release();
    error_code ec;
    slot->close(ec);
    slot.reset();
}

void event_loop::forget(ready_target& one) noexcept {
    if (one.alive_)
        *one.alive_ = false;
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
