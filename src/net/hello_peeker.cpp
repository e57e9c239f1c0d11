// SPDX-License-Identifier: BSL-1.0
// Looks at a client's ClientHello in its socket.
#include "snipass/net/hello_peeker.hpp"

#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"

#include <algorithm>

namespace snipass::net {
namespace {

// A first look that is enough for nearly every hello (a post-quantum one has 1.7 to 1.9 KB), so that one recv
// does.
constexpr std::size_t first_look = 4096;

// tarweb's room for a datagram.
constexpr std::size_t most_of_no_hello = 2048;

} // namespace

std::span<std::uint8_t> peek_buffer::first(std::size_t n) {
    holder = nullptr;
    if (n > size_) {
        bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(n);
        size_ = n;
    }
    return {bytes_.get(), n};
}

result<hello_state> hello_peeker::look(int fd, peek_buffer& buffer, byte_view before) {
    for (;;) {
        const auto room = buffer.first(before.size() + std::max(first_look, needed_));
        std::ranges::copy(before, room.begin());
        const auto n = os::peek(fd, room.subspan(before.size()));
        const bool nothing = !n && os::would_block(n.error());
        if (!n && !nothing)
            return n.error();
        if (nothing && before.empty())
            return hello_state::partial;
        bytes_ = room.first(before.size() + (nothing ? 0 : *n));
        buffer.holder = this;
        if (bytes_.empty())
            return error_code{wait_error::end_of_file};
        const auto needed = assembler_.advance(bytes_);
        if (!needed)
            return needed.error();
        is_complete_ = *needed <= bytes_.size();
        if (is_complete_)
            return hello_state::complete;
        needed_ = *needed;
        if (!nothing && *n == 0)
            return error_code{wait_error::end_of_file};
        if (bytes_.size() < room.size())
            return hello_state::partial; // that was all; with a full buffer there may be more
    }
}

byte_view hello_peeker::first_bytes() const noexcept {
    return bytes_.first(std::min(bytes_.size(), is_complete_ ? hello_size() : most_of_no_hello));
}

} // namespace snipass::net
