// SPDX-License-Identifier: BSL-1.0
// Signals and threads.
#pragma once

#include <csignal>
#include <initializer_list>

namespace snipass::os {

// hold_signals: from now on those that mean something to a router wait until allow_signals, also any that
// came at a time when nobody had said yet what to do about it. Those that would end the process for nothing
// wait with them: SIGPIPE of a log whose reader is gone, SIGXFSZ of a log that is as large as it may be.
// Returns the mask before.
inline sigset_t hold_signals() noexcept {
    sigset_t held;
    sigset_t before;
    sigemptyset(&held);
    for (const int one : {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGPIPE, SIGXFSZ})
        sigaddset(&held, one);
    ::pthread_sigmask(SIG_BLOCK, &held, &before);
    return before;
}

// allow_signals: those that were held come to this thread now, each kind once. Whatever the mask was that the
// process was started with, none is blocked; SIGPIPE and SIGXFSZ are ignored.
inline void allow_signals() noexcept {
    (void)std::signal(SIGPIPE, SIG_IGN);
    (void)std::signal(SIGXFSZ, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

// all_signals_blocked: threads that begin while it lives inherit its mask (pthread_sigmask(3)), and their
// system calls are never interrupted by the signals of the process.
class all_signals_blocked {
  public:
    all_signals_blocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~all_signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    all_signals_blocked(const all_signals_blocked&) = delete;
    all_signals_blocked& operator=(const all_signals_blocked&) = delete;

  private:
    sigset_t before_{};
};

// allow_interruptions: interrupt() ends a wait of the calling thread in the kernel, from now on. SIGURG,
// because it does nothing where nobody asks for it. Calls that can be restarted are (SA_RESTART): splice(2)
// looks for signals before it moves a byte, whatever its flags say. Of those that never are (signal(7)),
// epoll_wait(2) and a poll(2) that does not wait look for what is ready first.
inline void allow_interruptions() noexcept {
    struct sigaction nothing {};
    nothing.sa_handler = [](int) {};
    nothing.sa_flags = SA_RESTART;
    ::sigaction(SIGURG, &nothing, nullptr);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGURG);
    ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
}

// interrupt: `thread` has not been joined yet; one that has ended is no mistake.
inline void interrupt(pthread_t thread) noexcept {
    (void)::pthread_kill(thread, SIGURG);
}

} // namespace snipass::os
