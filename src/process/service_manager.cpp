// SPDX-License-Identifier: BSL-1.0
// States for systemd, told until they are heard.
#include "snipass/process/service_manager.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/systemd.hpp"

#include <thread>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

constexpr auto retry_interval = 100ms;

// Of store(), for which all clients wait.
constexpr auto short_pause = 5ms;
constexpr int most_tries = 20;

} // namespace

void service_manager::tell(std::string state) {
    if (is_silent_)
        return;
    untold_.push_back(std::move(state));
    if (untold_.size() == 1) // else the timer is running
        tell_all();
}

void service_manager::is_ready(std::string_view status) {
    tell("READY=1\nSTATUS=" + on_one_line(status));
}

error_code service_manager::store(std::string_view name, int fd) {
    auto ec = os::store(socket_, name, fd);
    for (int i = 0; i < most_tries && os::is_transient(ec); ++i) {
        std::this_thread::sleep_for(short_pause);
        ec = os::store(socket_, name, fd);
    }
    return ec;
}

void service_manager::feed_watchdog() {
    if (untold_.empty() && !is_silent_)
        (void)os::notify(socket_, "WATCHDOG=1");
}

void service_manager::keep_alive(std::function<bool()> is_alive) {
    is_alive_ = std::move(is_alive);
    if (const auto interval = os::watchdog_interval())
        beat(*interval / 2);
}

void service_manager::beat(std::chrono::microseconds interval) {
    if (is_alive_())
        feed_watchdog();
    watchdog_.expires_after(interval);
    watchdog_.async_wait([this, interval](const boost::system::error_code& ec) {
        if (!ec)
            beat(interval);
    });
}

void service_manager::tell_all() {
    for (; !untold_.empty(); untold_.pop_front()) {
        const auto ec = os::notify(socket_, untold_.front());
        if (os::is_transient(ec))
            break;
        if (ec && !std::exchange(has_had_problem_, true)) // there is nobody to tell
            problem_ = ec;
    }
    if (untold_.empty())
        return;
    retry_.expires_after(retry_interval);
    retry_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            tell_all();
    });
}

} // namespace snipass::server
