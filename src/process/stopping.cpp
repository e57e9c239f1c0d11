// SPDX-License-Identifier: BSL-1.0
// Draining, and what is left when its time is over.
#include "snipass/process/stopping.hpp"

#include <boost/asio/post.hpp>

#include <cstdint>
#include <new>
#include <utility>

namespace snipass::server {

using namespace std::chrono_literals;
using config::log_level;

void stopping::begin(worker_pool& workers, log& to, std::chrono::milliseconds timeout,
                     std::function<void()> closed) {
    workers_ = &workers;
    log_ = &to;
    closed_ = std::move(closed);
    reserve_.reset();
    try {
        log_->write(log_level::info, "stopping", {{"in_flight", workers.in_flight()}});
        closing_ = draining_ = workers.size();
        workers.drain([this] { boost::asio::post(io_, [this] { drained_a_worker(); }); },
                      [this] { tell_closed(); });
        wait_until(std::chrono::steady_clock::now() + timeout);
    } catch (const std::bad_alloc&) { // a worker was faster to take what was kept
        finish();
    }
}

// wait_until: a timer that is so late says that this process was stopped for a while. The workers have not
// seen yet what came meanwhile, and get a moment for it.
void stopping::wait_until(std::chrono::steady_clock::time_point end) {
    static constexpr auto longest_lag = 100ms;
    timer_.expires_at(end);
    timer_.async_wait([this, end](const boost::system::error_code& ec) {
        if (ec)
            return;
        const auto now = std::chrono::steady_clock::now();
        if (now >= end + longest_lag)
            return wait_until(now + 1s);
        log_->write(log_level::warn, "drain_timeout has passed: resetting the sessions that are left",
                    {{"left", workers_->in_flight()}});
        finish();
    });
}

// tell_closed is called by workers. Where there is no memory nobody is told, and the end of all is waited
// for.
void stopping::tell_closed() {
    try {
        boost::asio::post(io_, [this] { closed_a_worker(); });
    } catch (const std::bad_alloc&) {
    }
}

void stopping::closed_a_worker() {
    if (--closing_ == 0)
        closed_();
}

void stopping::drained_a_worker() {
    if (--draining_ == 0)
        finish();
}

void stopping::finish() {
    if (workers_ == nullptr) // what comes before is short
        return;
    const auto left = workers_->in_flight();
    workers_->stop();
    io_.stop();
    try {
        log_->write(log_level::info, "stopped", {{"closed", std::uint64_t{left}}});
    } catch (const std::bad_alloc&) { // it is a stop all the same
    }
}

} // namespace snipass::server
