// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace snipass::testing {

// scarce_memory: this thread gets no piece of memory of more than `most` bytes from operator new. Not for
// builds with sanitizers, whose memory is their own.
class scarce_memory {
  public:
    explicit scarce_memory(std::size_t most) noexcept;
    ~scarce_memory();
    scarce_memory(const scarce_memory&) = delete;
    scarce_memory& operator=(const scarce_memory&) = delete;
};

} // namespace snipass::testing
