// event_loop: one thread's Asio context and its deadlines.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/set.hpp>

#include <chrono>

namespace snipass::net {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;

// alarm is a deadline that somebody keeps in its own memory. It disarms itself when it is destroyed.
class alarm
    : public boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  public:
    alarm() = default;
    alarm(const alarm&) = delete;
    alarm& operator=(const alarm&) = delete;

    [[nodiscard]] time_point when() const noexcept { return when_; }
    void disarm() noexcept { unlink(); }

    friend bool operator<(const alarm& a, const alarm& b) noexcept { return a.when_ < b.when_; }

  protected:
    ~alarm() = default;

  private:
    friend class event_loop;
    virtual void expire() = 0; // the alarm is disarmed already

    time_point when_{};
};

// event_loop is an io_context for one thread, and all of that thread's deadlines behind a single timer.
// Sessions come and go by the thousand a second, each with a deadline that is hardly ever reached: a set of
// alarms costs no system call for them, where a timer of Asio's each would set the kernel's timer again and
// again.
class event_loop {
  public:
    event_loop() : timer_(io_) {}
    event_loop(const event_loop&) = delete;
    event_loop& operator=(const event_loop&) = delete;

    [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }

    // destroy_coroutines destroys all that is suspended in this loop, which does not run any more. For an
    // owner whose own members the coroutines refer to: it must happen before those are gone.
    void destroy_coroutines() { io_.destroy_handlers(); }

    // arm makes `one` expire at `when`, from run(); time_point::max() is never. An armed alarm is moved.
    void arm(alarm& one, time_point when);

  private:
    using alarm_set = boost::intrusive::multiset<alarm, boost::intrusive::constant_time_size<false>>;

    void set_timer(time_point when);
    void expire_due();

    struct context : boost::asio::io_context {
        context() : io_context(1) {}
        void destroy_handlers() { shutdown(); }
    };

    context io_;
    boost::asio::steady_timer timer_;
    time_point timer_at_ = time_point::max();
    alarm_set alarms_;
};

} // namespace snipass::net
