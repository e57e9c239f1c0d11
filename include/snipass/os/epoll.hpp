// SPDX-License-Identifier: BSL-1.0
// epoll: a set of descriptors and their events (epoll(7)).
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <span>

namespace snipass::os {

class epoll {
  public:
    epoll(); // throws system_error where the kernel has no room for one

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    // add registers `fd` once for all: both directions, edge-triggered, so that no call is needed later on.
    [[nodiscard]] error_code add(int fd, std::uint64_t tag);

    // add_shared registers `fd`, edge-triggered, for what is to be read. Where other sets have it as well,
    // each edge wakes one thread that waits: that of the first set, in the order in which they were added, in
    // which one waits.
    [[nodiscard]] error_code add_shared(int fd, std::uint64_t tag);

    // add_once registers `fd` for the first of `events` (of epoll_ctl(2)) that comes, once: after that it is
    // silent until rearm_once. EPOLLERR and EPOLLHUP always count.
    [[nodiscard]] error_code add_once(int fd, std::uint32_t events, std::uint64_t tag);
    [[nodiscard]] error_code rearm_once(int fd, std::uint32_t events, std::uint64_t tag);

    // remove: before `fd` is closed. Closing alone would not do where another process has a copy of it (one
    // that was offered the client and hangs).
    void remove(int fd);

    // wait waits for events until `until`, or up to a millisecond longer, and returns how many there are:
    // none too early if a signal came.
    [[nodiscard]] std::size_t wait(std::span<epoll_event> events,
                                   std::chrono::steady_clock::time_point until);

  private:
    error_code control(int operation, int fd, std::uint32_t events, std::uint64_t tag);

    unique_fd fd_;
};

// is_ready: `fd` has one of `events` now, or has failed (poll(2), which has the same names for them).
[[nodiscard]] bool is_ready(int fd, std::uint32_t events) noexcept;

} // namespace snipass::os
