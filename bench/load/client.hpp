// SPDX-License-Identifier: BSL-1.0
// What every kind of load needs: a client's socket, its hello, the clock, and how results are told.
#pragma once

#include "snipass/os/unique_fd.hpp"

#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::bench {

using clock = std::chrono::steady_clock;
using bytes = std::vector<std::uint8_t>;

// What the receivers answer; a client that gets anything else has failed.
inline constexpr std::string_view expected_answer = "snipass bench ok";

// Where to connect, and what to say there.
struct target {
    sockaddr_in address{};
    bytes hello;

    // next_hello is that of another client: each has random bytes of its own (RFC 8446 section 4.1.2), by
    // which a router knows a hello that goes in circles. A request of HTTP has none.
    [[nodiscard]] const bytes& next_hello() noexcept;
};

[[nodiscard]] target make_target(std::uint16_t port, const std::string& hello_file);

// connect_client starts a connection over loopback, which is established when connect() returns, unless the
// server's queue is full. No descriptor: errno says why. `source` is the last three bytes of a 127/8 address
// to connect from; 0 leaves the choice to the kernel.
[[nodiscard]] os::unique_fd connect_client(const target& to, std::uint32_t source = 0);

// raise_descriptor_limit allows as many descriptors as the system lets this process have.
void raise_descriptor_limit();

// epoll_wait with a deadline in nanoseconds, since a millisecond is three intervals at 3,000 a second.
struct epoll_set {
    epoll_set();
    void add(int fd, std::uint32_t events, std::uint64_t tag);

    struct event {
        std::uint32_t events;
        std::uint64_t tag;
    };
    // Valid until the next call; empty at the deadline.
    [[nodiscard]] const std::vector<event>& wait(clock::time_point deadline);

  private:
    os::unique_fd fd_;
    std::vector<event> ready_;
};

// summary of a sample, in microseconds.
struct percentiles {
    double p50 = 0;
    double p99 = 0;
    double p999 = 0;
    double max = 0;
    std::size_t slow = 0; // how many took more than 5 ms
};
[[nodiscard]] percentiles summarize(std::vector<std::uint32_t>& nanoseconds);

[[noreturn]] void fail(const std::string& what); // with errno

} // namespace snipass::bench
