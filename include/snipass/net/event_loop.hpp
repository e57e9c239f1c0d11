// SPDX-License-Identifier: BSL-1.0
// event_loop: what one thread waits with.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/net/frame_pool.hpp"
#include "snipass/net/task.hpp"
#include "snipass/os/epoll.hpp"
#include "snipass/os/unique_fd.hpp"

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <mutex>
#include <new>
#include <vector>

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

// ready_target is told that a descriptor is ready. It may be destroyed while it is told, or while another is.
class ready_target {
  public:
    ready_target() = default;
    ready_target(const ready_target&) = delete;
    ready_target& operator=(const ready_target&) = delete;

  protected:
    ~ready_target() = default;

  private:
    friend class event_loop;
    // `which` is what the descriptor was watched as, `events` are those of epoll_wait(2).
    virtual void on_ready(unsigned which, std::uint32_t events) = 0;
};

// event_loop is what one thread waits with: one epoll set for all descriptors, all deadlines in one set of
// alarms, and the coroutines that nobody awaits.
//
// Why not Asio's io_context: sessions come and go by the ten thousand a second, and each of Asio's waits
// costs a registration of its own, several epoll_ctl(2), and its timers set the kernel's again and again.
// Here a turn of the loop is one epoll_wait(2), and a deadline that is not reached costs no call
// (ARCHITECTURE.md).
class event_loop {
  public:
    event_loop();
    ~event_loop();
    event_loop(const event_loop&) = delete;
    event_loop& operator=(const event_loop&) = delete;

    // run makes turns until stop(). take_turn makes one: it waits until something is ready or due,
    // `until` at the latest, and tells whom it concerns; false: nobody.
    void run();
    bool take_turn(time_point until);

    // For other threads, too. post runs `job` in one of the next turns; stop ends run() after this one.
    void post(std::function<void()> job);
    void stop();

    // turns is for other threads, too: odd while this one works, even while it waits, and another number each
    // time. A thread whose number stays odd works for long, or is held by a system call.
    [[nodiscard]] std::uint32_t turns() const noexcept { return turns_.load(std::memory_order_relaxed); }

    // spawn starts `body` and keeps it until it has finished. What it throws before it has to wait leaves
    // spawn; later it is a bug that ends the process, because no exception passes through the coroutines that
    // are being resumed on its way.
    void spawn(task<> body);

    // destroy_tasks destroys what was spawned and has not finished; the loop does not run any more. For an
    // owner whose members those coroutines refer to: they must go first.
    void destroy_tasks() noexcept;

    // arm makes `one` expire at `when`, or up to a millisecond later, from run(); time_point::max() is never.
    // Whatever is ready is told before any alarm goes off: a deadline ends nobody who is served by what has
    // come. An armed alarm is moved. From within expire() a time that has passed is the next turn.
    void arm(alarm& one, time_point when);

    // watch: `one` is told, once and from run(), that `fd` has one of `events` (of epoll_ctl(2)), or EPOLLERR
    // or EPOLLHUP. watch_again is for a descriptor that is watched already.
    [[nodiscard]] error_code watch(int fd, std::uint32_t events, ready_target& one);
    [[nodiscard]] error_code watch_again(int fd, std::uint32_t events, ready_target& one);

    // watch_edges: `one` is told whenever either direction of `fd` becomes ready, edge-triggered, so that no
    // call is needed later on. `which` (0 or 1) is for a target with two descriptors.
    [[nodiscard]] error_code watch_edges(int fd, ready_target& one, unsigned which);

    // watch_shared: other loops watch `fd` as well, and each time that there is something to read one of them
    // is told, or more. The one that has watched it longest is the first to be told.
    [[nodiscard]] error_code watch_shared(int fd, ready_target& one);

    // unwatch: `fd` is watched no longer. forget: `one` is going away; what was announced and not told yet is
    // dropped.
    void unwatch(int fd) { epoll_.remove(fd); }
    void forget(const ready_target& one) noexcept;

  private:
    struct root;
    using root_hook =
        boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
    using alarm_set = boost::intrusive::multiset<alarm, boost::intrusive::constant_time_size<false>>;

    static root run_root(event_loop& loop, task<> body);
    // Its descriptor has an edge (epoll(7)) when another thread has posted a job.
    class posted_jobs final : public ready_target {
      public:
        posted_jobs();
        void add(std::function<void()> job);
        [[nodiscard]] int fd() const noexcept { return wakes_.get(); }

      private:
        void on_ready(unsigned which, std::uint32_t events) override;

        os::unique_fd wakes_; // eventfd(2)
        std::mutex mutex_;
        std::vector<std::function<void()>> jobs_;
    };

    void tell_events();
    void tell_what_is_there();
    [[nodiscard]] bool is_due() const;
    bool expire_due();
    void count_turn() noexcept { turns_.store(turns() + 1, std::memory_order_relaxed); }

    // The frame of a spawned coroutine: it is in roots_ until it ends, and destroys itself then.
    struct root {
        struct promise_type : root_hook {
            promise_type(event_loop& loop, task<>& /*body*/) { loop.roots_.push_back(*this); }
            static void* operator new(std::size_t size) { return frame_pool::allocate(size); }
            static void operator delete(void* frame, std::size_t size) noexcept {
                frame_pool::deallocate(frame, size);
            }
            [[nodiscard]] root get_return_object() const noexcept { return {}; }
            [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
            [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
            void return_void() const noexcept {}
            // Without memory it ends, and the others go on. Anything else is a bug, and ends the process.
            void unhandled_exception() const {
                try {
                    throw;
                } catch (const std::bad_alloc&) {
                }
            }
        };
    };
    using root_list = boost::intrusive::list<root::promise_type, boost::intrusive::constant_time_size<false>>;

    alarm_set alarms_;
    time_point expiring_ = time_point::min(); // while alarms expire: those of until then are
    root_list roots_;
    os::epoll epoll_;
    posted_jobs posted_;
    std::atomic<bool> stopped_ = false;
    std::atomic<std::uint32_t> turns_ = 1; // written by the loop's thread only
    std::array<epoll_event, 128>
        events_; // taken from epoll_; those from next_event_ to events_end_ are to be told
    std::size_t next_event_ = 0;
    std::size_t events_end_ = 0;
};

} // namespace snipass::net
