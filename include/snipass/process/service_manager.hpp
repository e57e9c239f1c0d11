// SPDX-License-Identifier: BSL-1.0
// service_manager: what systemd is told of the process's states.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/os/systemd.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace snipass::server {

// service_manager tells the manager of this service each state, in order. It never waits for a manager that
// is busy: its queue may be full, and holds ten datagrams by default (unix(7), max_dgram_qlen); a state that
// does not fit is told again a little later, because a READY=1 that is lost ends the service at
// TimeoutStartSec=.
class service_manager {
  public:
    explicit service_manager(boost::asio::io_context& io) : retry_(io), watchdog_(io) {}

    // tell takes a state as of sd_notify(3).
    void tell(std::string state);

    // is_ready tells that this service is, and what its status is: on one line, since another line would be
    // another state.
    void is_ready(std::string_view status);

    // fall_silent: the manager is another process's.
    void fall_silent() {
        is_silent_ = true;
        untold_.clear();
    }

    // store gives it a descriptor to keep for the next process (os::store). It waits for a moment where the
    // manager is busy.
    [[nodiscard]] error_code store(std::string_view name, int fd);

    // take_problem is why nobody can be told (NOTIFY_SOCKET leads nowhere), once; no error: nothing is wrong.
    [[nodiscard]] error_code take_problem() noexcept { return std::exchange(problem_, {}); }

    // feed_watchdog is not made up for: a heartbeat that comes late is no heartbeat.
    void feed_watchdog();

    // keep_alive feeds the watchdog from now on, twice in the interval that the manager asks for, each time
    // that `is_alive` says so.
    void keep_alive(std::function<bool()> is_alive);

  private:
    void tell_all();
    void beat(std::chrono::microseconds interval);

    os::unique_fd socket_ = os::notify_socket();
    std::deque<std::string> untold_;
    error_code problem_;
    bool has_had_problem_ = false;
    bool is_silent_ = false;
    boost::asio::steady_timer retry_;
    boost::asio::steady_timer watchdog_;
    std::function<bool()> is_alive_;
};

} // namespace snipass::server
