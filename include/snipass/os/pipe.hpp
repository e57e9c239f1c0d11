// pipe: where bytes lie on their way from one socket to another without entering this process (splice(2)).
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"

#include <cstddef>

namespace snipass::os {

struct pipe {
    unique_fd read_end;
    unique_fd write_end;
    std::size_t capacity = 0; // bytes, as the kernel says; 0: no pipe

    [[nodiscard]] explicit operator bool() const noexcept { return capacity > 0; }
};

// open_pipe makes a non-blocking pipe of `wish` bytes, or of half as much, and so on: a user who has many
// pipes gets small ones (pipe(7), pipe-user-pages-soft).
[[nodiscard]] result<pipe> open_pipe(std::size_t wish);

} // namespace snipass::os
