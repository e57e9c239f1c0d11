// SPDX-License-Identifier: BSL-1.0
// A stranger's bytes on their way into a log line.
#pragma once

#include "snipass/config/configuration.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace snipass::server {

// append_json appends `text` as a JSON string with its quotes (RFC 8259 section 7). Bytes that are not
// printable ASCII become \u00XX, each byte for itself: what a client sends as a name need not be UTF-8.
void append_json(std::string& to, std::string_view text);

// append_cut does the same for text of a stranger's: what is written between the quotes has at most
// `longest_text` bytes, and ends with "..." where that was not all. One byte can become six.
inline constexpr std::size_t longest_text = 256;
void append_cut(std::string& to, std::string_view text);

// append_time appends the time as RFC 3339 writes it, in UTC, with milliseconds: 2026-01-31T23:59:59.999Z.
void append_time(std::string& to, std::chrono::system_clock::time_point time);

// append_priority appends what the journal takes for a line's priority (sd-daemon(3)): "<6>" for info.
void append_priority(std::string& to, config::log_level level);

} // namespace snipass::server
