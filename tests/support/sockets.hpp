// SPDX-License-Identifier: BSL-1.0
// Sockets for tests: connected pairs over loopback TCP and over unix, and what a peer sees of them. Blocking,
// with a time limit on each read, so that a bug is a failed test and no hanging one.
#pragma once

#include "snipass/os/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace snipass::testing {

struct socket_pair {
    os::unique_fd near;
    os::unique_fd far;
};

[[nodiscard]] socket_pair tcp_pair();
// tcp_pair_into: what `far` receives into is so large (SO_RCVBUF) from the first byte on; 0: as the system
// has it.
[[nodiscard]] socket_pair tcp_pair_into(int far_buffer);
[[nodiscard]] socket_pair unix_pair();

void set_nonblocking(const os::unique_fd& fd);
void set_buffers(const os::unique_fd& fd, int send, int receive);

// say sends all of `text`; throws if the peer does not take it.
void say(const os::unique_fd& fd, std::string_view text);
void say_end(const os::unique_fd& fd); // FIN
void reset(os::unique_fd fd);          // RST

// hear reads up to the end: what came, and whether the end was "FIN", "RST" or "nothing" (within the time
// limit).
struct heard {
    std::string text;
    std::string end;
};
[[nodiscard]] heard hear(const os::unique_fd& fd);

// hear_some reads exactly `size` bytes, or fewer at an end.
[[nodiscard]] std::string hear_some(const os::unique_fd& fd, std::size_t size);

// segments_received counts what TCP has had from the peer, ACKs too.
[[nodiscard]] std::uint32_t segments_received(const os::unique_fd& fd);

[[nodiscard]] std::size_t open_descriptors();

} // namespace snipass::testing
