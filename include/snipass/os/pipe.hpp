// SPDX-License-Identifier: BSL-1.0
// pipe: where bytes lie on their way from one socket to another without entering this process (splice(2)).
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"

#include <cstddef>

namespace snipass::os {

struct pipe {
    // The kernel counts pages, and those of a socket have up to 32 KiB.
    static constexpr std::size_t splice_factor = 4;

    unique_fd read_end;
    unique_fd write_end;
    std::size_t capacity = 0; // bytes that write(2) can put in, as the kernel says; 0: no pipe

    // splice_capacity: bytes that splice(2) is let put in.
    [[nodiscard]] std::size_t splice_capacity() const noexcept { return splice_factor * capacity; }

    [[nodiscard]] explicit operator bool() const noexcept { return capacity > 0; }
};

// open_pipe makes a non-blocking pipe of `wish` bytes, or of half as much, and so on: a user who has many
// pipes gets small ones (pipe(7), pipe-user-pages-soft).
[[nodiscard]] result<pipe> open_pipe(std::size_t wish);

// adopt_pipe takes one that another process had, with `size` bytes in it. EINVAL: it is no such pipe.
[[nodiscard]] result<pipe> adopt_pipe(unique_fd read_end, unique_fd write_end, std::size_t size);

} // namespace snipass::os
