// SPDX-License-Identifier: BSL-1.0
// Waiting for a borrowed descriptor.
#include "snipass/net/fd_watch.hpp"

#include "snipass/net/wait_error.hpp"

#include <utility>

namespace snipass::net {

fd_watch::~fd_watch() {
    if (is_registered_)
        loop_.unwatch(fd_);
    loop_.forget(*this);
}

void fd_watch::close(os::unique_fd fd) {
    fd.reset();
    is_registered_ = false;
}

// start tells whether there is something to wait for: a registration that fails is a result.
bool fd_watch::start(std::uint32_t events, time_point deadline, std::coroutine_handle<> waiting) {
    interrupted_ = false;
    // Past its deadline a wait is only the way to timed_out, but for one look. With a look each time those
    // who wait in a loop, for more than there is, would go on for as long as the descriptor is ready.
    const bool is_late = deadline != time_point::max() && deadline <= clock::now();
    const bool may_look = !std::exchange(has_looked_late_, is_late);
    if (is_late && may_look && events != no_events && os::is_ready(fd_, events)) {
        result_ = {};
        return false;
    }
    pausing_ = events == no_events || is_late;
    if (!pausing_) {
        result_ = enroll(events);
        if (result_ || ((events & EPOLLET) != 0 && std::exchange(has_news_, false)))
            return false;
        is_registered_ = true;
    }
    waiting_ = waiting;
    loop_.arm(*this, deadline);
    return true;
}

void fd_watch::step_back() {
    loop_.unwatch(fd_);
    is_registered_ = false;
}

error_code fd_watch::enroll(std::uint32_t events) {
    if (events == shared_edges)
        return is_registered_ ? error_code{} : loop_.watch_shared(fd_, *this);
    if (events == edges)
        return is_registered_ ? error_code{} : loop_.watch_edges(fd_, *this, 0);
    return is_registered_ ? loop_.watch_again(fd_, events, *this) : loop_.watch(fd_, events, *this);
}

void fd_watch::on_ready(unsigned /*which*/, std::uint32_t /*events*/) {
    has_news_ = !waiting_ || interrupted_ || pausing_;
    if (has_news_)
        return; // the wait it was for has ended, or is about to
    disarm();
    std::exchange(waiting_, nullptr).resume();
}

void fd_watch::interrupt(error_code why) {
    if (!waiting_)
        return;
    interrupted_ = true;
    result_ = why;
    loop_.arm(*this, time_point::min());
}

void fd_watch::expire() {
    if (!interrupted_)
        result_ = wait_error::timed_out;
    std::exchange(waiting_, nullptr).resume();
}

} // namespace snipass::net
