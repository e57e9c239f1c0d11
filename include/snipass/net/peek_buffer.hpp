// SPDX-License-Identifier: BSL-1.0
// peek_buffer: the memory that peeks copy to.
#pragma once

#include "snipass/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace snipass::net {

// One for each thread: between two waits a session reads its client's first bytes again, so that a waiting
// session needs no memory for them. It grows to the largest opening seen and is never initialised.
class peek_buffer {
  public:
    // The first n bytes of the buffer. What was there before belongs to nobody from now on: it is lost when
    // the buffer has to grow.
    [[nodiscard]] std::span<std::uint8_t> first(std::size_t n);

    byte_view bytes;                    // what the last look found
    const void* holder = nullptr;       // who looked last, by the address of something of its own
    std::vector<std::uint8_t> gathered; // what did not lie together in `bytes`

  private:
    std::unique_ptr<std::uint8_t[]> memory_;
    std::size_t size_ = 0;
};

} // namespace snipass::net
