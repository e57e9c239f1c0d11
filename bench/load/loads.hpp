// SPDX-License-Identifier: BSL-1.0
// The kinds of load. Each runs to its end and returns what it saw as one line of JSON.
#pragma once

#include "client.hpp"

namespace snipass::bench {

// short_load is many short connections: connect, hello, answer, end of file, close.
struct short_load {
    std::size_t concurrency = 32; // closed loop: so many at any time
    double rate = 0;              // open loop if above 0: so many a second, whatever became of those before
    std::chrono::milliseconds duration{1'000};
    std::size_t count = 0; // if above 0, so many connections instead of a duration
};
[[nodiscard]] std::string run_short(target& to, const short_load& load);

// bulk_load is few connections with much in them.
struct bulk_load {
    bool up = true;
    std::size_t connections = 4;
    std::uint64_t bytes = 0; // on each connection, behind the hello
};
[[nodiscard]] std::string run_bulk(target& to, const bulk_load& load);

// crowd_load is many connections that stay: with the first bytes of a hello (they wait in the router), or
// with a whole one and its answer. They stay until standard input ends.
struct crowd_load {
    std::size_t count = 0;
    std::size_t first_bytes = 0; // 0: the whole hello, and the answer is awaited
};
void run_crowd(target& to, const crowd_load& load);

} // namespace snipass::bench
