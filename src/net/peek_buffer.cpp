// SPDX-License-Identifier: BSL-1.0
// Room for what a thread peeks at, which grows for large hellos.
#include "snipass/net/peek_buffer.hpp"

namespace snipass::net {

std::span<std::uint8_t> peek_buffer::first(std::size_t n) {
    holder = nullptr;
    bytes = {};
    if (n > size_) {
        memory_ = std::make_unique_for_overwrite<std::uint8_t[]>(n);
        size_ = n;
    }
    return {memory_.get(), n};
}

} // namespace snipass::net
