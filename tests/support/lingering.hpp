// SPDX-License-Identifier: BSL-1.0
// A TCP socket whose end takes its time: whoever closes the last copy waits for a peer that does not read.
#pragma once

#include "catch.hpp"
#include "snipass/os/tcp.hpp"

#include <sys/socket.h>

#include <array>

namespace snipass::testing {

inline constexpr int lingers = 600; // seconds, for which nobody may wait

inline void make_lingering(int fd) {
    const linger long_time{1, lingers};
    REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &long_time, sizeof long_time) == 0);
    std::array<std::uint8_t, 65'536> some{};
    while (::send(fd, some.data(), some.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    (void)os::discard(fd, some.size()); // with bytes unread the end is an RST, and nothing lingers
}

} // namespace snipass::testing
