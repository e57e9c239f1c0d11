// SPDX-License-Identifier: BSL-1.0
// history: what became of clients in the last ten minutes, for a picture of it.
#pragma once

#include "snipass/operating/status.hpp"

#include <chrono>
#include <cstddef>
#include <deque>

namespace snipass::server {

// history is told the totals once in each interval, and keeps what was new in each.
class history {
  public:
    static constexpr std::chrono::seconds interval{2};
    static constexpr std::size_t kept = 300;

    void add(const three_ends& totals);

    // The oldest first.
    [[nodiscard]] const std::deque<three_ends>& all() const noexcept { return all_; }

  private:
    three_ends last_;
    bool has_begun_ = false;
    std::deque<three_ends> all_;
};

} // namespace snipass::server
