// SPDX-License-Identifier: BSL-1.0
// How small and how large the values of a configuration may be. docs/configuration.md repeats these numbers.
#pragma once

#include <chrono>
#include <cstddef>

namespace snipass::config::limits {

inline constexpr std::size_t file_size = std::size_t{256} << 20; // several million names

inline constexpr std::size_t included_files = 100'000;

inline constexpr unsigned workers = 1'024;

inline constexpr std::chrono::milliseconds shortest_duration{1};
inline constexpr std::chrono::milliseconds longest_duration = std::chrono::hours{24};

// Of the handshake message. The smaller one still holds every hello of today's clients but for post-quantum
// ones.
inline constexpr std::size_t smallest_hello_max = 1'024;
inline constexpr std::size_t largest_hello_max = 1'048'576;

// Of the head of a request: what servers take is from 8 to 64 KiB, and a datagram is to hold it.
inline constexpr std::size_t smallest_head_max = 1'024;
inline constexpr std::size_t largest_head_max = 65'536;

// max_waiting, max_waiting_per_source, max_relayed, max_relayed_per_source, max_pending, max_unanswered
inline constexpr std::size_t sessions = 1'000'000;

inline constexpr std::size_t new_clients =
    1'000'000; // a second, or at once: max_rate, max_burst, ..._per_source

inline constexpr std::chrono::milliseconds shortest_interval{100}; // resolve_interval, check_interval
inline constexpr std::size_t failures = 1'000;                     // eject_after
inline constexpr std::size_t pipes = 100'000;
inline constexpr std::size_t least_pipe_memory = 262'144; // one small pipe
inline constexpr std::size_t most_pipe_memory = std::size_t{64} << 30;

inline constexpr std::size_t largest_min_rate = std::size_t{64} << 20; // bytes a minute

inline constexpr std::size_t unix_path = 107;   // sun_path has 108 bytes, and a NUL behind the path (unix(7))
inline constexpr std::size_t backend_name = 64; // it stands in each log line
inline constexpr std::size_t interface_name = 15; // IFNAMSIZ
inline constexpr std::size_t systemd_name = 255;  // sd_listen_fds(3)
inline constexpr std::size_t handshakes = 1'000'000;
inline constexpr std::size_t alpn_protocol = 255; // RFC 7301 section 3.1
inline constexpr std::size_t method = 32;         // of a request; those that are registered have at most 17

} // namespace snipass::config::limits
