// SPDX-License-Identifier: BSL-1.0
// presence: whether a backend takes clients, and answers, as far as all workers know, and the log of it.
#pragma once

#include "snipass/backends/unanswered.hpp"
#include "snipass/telling/log.hpp"
#include "snipass/telling/outcome.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace snipass::server {

// Thread-safe; it outlives reloads. Each change is told at once, and once, whoever notices it. A backend that
// takes some clients and not others is told of once a second at most.
class presence {
  public:
    [[nodiscard]] bool is_away() const noexcept { return away_.load(std::memory_order_relaxed); }

    // took: a client. did_not_take: one, for a reason that is the backend's own.
    void took(log& to, std::string_view backend) {
        if (is_away())
            has_come_back(to, backend);
    }
    void did_not_take(log& to, std::string_view backend, outcome why, std::string_view detail);

    // is_told: the log has that it is away. begin_with: so the process before has known it.
    [[nodiscard]] bool is_told() const noexcept { return told_; }
    void begin_with(bool away, bool told) noexcept {
        away_ = away;
        told_ = told;
    }

    unanswered sent;                                                 // of the clients it was sent
    std::atomic<unsigned> held = 0;                                  // clients that wait for it
    std::atomic<std::uint64_t> ejections = 0;                        // of its addresses
    std::atomic<std::chrono::steady_clock::time_point> checked = {}; // when these were probed last

  private:
    void has_come_back(log& to, std::string_view backend);

    std::atomic<bool> away_ = false;
    std::atomic<bool> told_ = false; // that it is away
    std::atomic<std::chrono::steady_clock::time_point> told_at_{};
};

// is_backends_fault: a backend that was asked so does not take clients at the moment.
[[nodiscard]] bool is_backends_fault(outcome why) noexcept;

} // namespace snipass::server
