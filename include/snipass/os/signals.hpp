// Signals and threads.
#pragma once

#include <csignal>

namespace snipass::os {

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

} // namespace snipass::os
