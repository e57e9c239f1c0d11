// SPDX-License-Identifier: BSL-1.0
// Durations and sizes as an admin writes them: "5s", "64KiB".
#pragma once

#include "snipass/config/written.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace snipass::config {

// parse_duration takes a whole number and one of ms, s, m, h, with nothing between.
[[nodiscard]] written<std::chrono::milliseconds> parse_duration(std::string_view text);

// parse_size takes a whole number and one of B, KiB, MiB, with nothing between.
[[nodiscard]] written<std::size_t> parse_size(std::string_view text);

// The other way, in the largest unit that needs no fraction: 90 s is "90s", 60 s "1m", zero "0s", 65,536
// bytes "64KiB".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);
[[nodiscard]] std::string format_size(std::size_t bytes);

} // namespace snipass::config
