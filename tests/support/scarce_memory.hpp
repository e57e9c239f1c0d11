// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace snipass::testing {

// scarce_memory: this thread gets no piece of memory of more than `most` bytes from operator new, and none
// after so many times. Not for
// builds with sanitizers, whose memory is their own.
class scarce_memory {
  public:
    explicit scarce_memory(std::size_t most, std::size_t times = SIZE_MAX) noexcept;
    ~scarce_memory();
    scarce_memory(const scarce_memory&) = delete;
    scarce_memory& operator=(const scarce_memory&) = delete;
};

} // namespace snipass::testing
