// SPDX-License-Identifier: BSL-1.0
// fd_watch: waiting for a borrowed descriptor.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/os/unique_fd.hpp"

#include <sys/epoll.h>

#include <coroutine>
#include <cstdint>

namespace snipass::net {

// fd_watch registers a descriptor with the loop from its first wait on and takes it out again (EPOLL_CTL_DEL)
// when it is destroyed; the descriptor stays its owner's. This is what keeps the trap shut in which a socket
// that was passed on goes on waking this process: the epoll registration belongs to the open file, not to the
// number. One wait at a time.
class fd_watch final : private alarm, private ready_target {
  public:
    fd_watch(event_loop& loop, int fd) noexcept : loop_(loop), fd_(fd) {}
    ~fd_watch();

    // co_await readable(deadline) and writable(deadline) return no error once the descriptor is ready (or has
    // failed: the next call on it tells), timed_out at the deadline and ever after, what interrupt() was
    // given, or what epoll_ctl(2) said. A deadline that has passed when the wait begins ends it after one
    // look at the descriptor: this process may have been stopped for a while.
    [[nodiscard]] auto readable(time_point deadline) { return wait{*this, EPOLLIN | EPOLLRDHUP, deadline}; }
    [[nodiscard]] auto writable(time_point deadline) { return wait{*this, EPOLLOUT, deadline}; }

    // co_await news() waits for the descriptor to become ready once more, edge-triggered (epoll(7)): what is
    // there must be taken, or asked for again, before the next wait. A watch that has news has nothing else
    // but pauses; only its first wait costs a system call, and what happens between two waits is not lost.
    [[nodiscard]] auto news() { return wait{*this, edges, time_point::max()}; }

    // co_await shared_news() is news() of a descriptor on which other loops wait, too, and only of what is to
    // be read: each time one of them is told, or more. step_back: the others come first from now on. It costs
    // two system calls.
    [[nodiscard]] auto shared_news() { return wait{*this, shared_edges, time_point::max()}; }
    void step_back();

    // co_await pause(until) waits for time to pass: timed_out at `until`, or what interrupt() was given. It
    // looks away from the descriptor, because some states stay: EPOLLHUP of a listener that somebody shut
    // down ends every wait at once.
    [[nodiscard]] auto pause(time_point until) { return wait{*this, no_events, until}; }

    // interrupt ends the wait that is under way with `why`, soon but not within this call, even if the
    // descriptor becomes ready in the same moment; without one it does nothing.
    void interrupt(error_code why);

    // close closes the descriptor, which its owner gives up: for one that nobody else has, the registration
    // goes with it, and a system call is spared. The watch is good for nothing after that.
    void close(os::unique_fd fd);

  private:
    static constexpr std::uint32_t no_events = 0;
    static constexpr std::uint32_t edges = EPOLLET;
    static constexpr std::uint32_t shared_edges = EPOLLET | EPOLLEXCLUSIVE;

    struct wait {
        fd_watch& watch;
        std::uint32_t events;
        time_point deadline;

        [[nodiscard]] bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> h) { return watch.start(events, deadline, h); }
        [[nodiscard]] error_code await_resume() const noexcept { return watch.result_; }
    };

    bool start(std::uint32_t events, time_point deadline, std::coroutine_handle<> waiting);
    error_code enroll(std::uint32_t events);
    void expire() override;
    void on_ready(unsigned which, std::uint32_t events) override;

    event_loop& loop_;
    int fd_;
    bool is_registered_ = false;
    std::coroutine_handle<> waiting_;
    error_code result_; // of the last wait; once it is interrupted, why
    bool interrupted_ = false;
    bool pausing_ = false;
    bool has_news_ = false; // an edge that came while nobody waited for one
    bool has_looked_late_ = false;
};

} // namespace snipass::net
