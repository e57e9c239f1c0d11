// sleeper: waiting for time to pass, or for somebody to say that the wait is over.
#pragma once

#include "snipass/net/event_loop.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace snipass::net {

class sleeper final : private alarm {
  public:
    explicit sleeper(event_loop& loop) : loop_(loop), timer_(loop.io(), time_point::max()) {}
    ~sleeper() = default;

    // sleep lasts until `until` or wake(), whichever is first. One sleep at a time.
    boost::asio::awaitable<void> sleep(time_point until);

    // wake ends the sleep under way; without one it does nothing.
    void wake() { timer_.cancel(); }

  private:
    void expire() override { wake(); }

    event_loop& loop_;
    boost::asio::steady_timer timer_; // never goes off by itself: the alarm cancels it
};

} // namespace snipass::net
