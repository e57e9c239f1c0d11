// SPDX-License-Identifier: BSL-1.0
// counter: a number that one thread adds to, and any may read.
#pragma once

#include <atomic>
#include <cstdint>

namespace snipass::net {

// counter has one writer, so adding costs no locked instruction.
class counter {
  public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_ = 0;
};

} // namespace snipass::net
