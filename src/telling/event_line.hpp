// SPDX-License-Identifier: BSL-1.0
// An event as it is written. Private to telling.
#pragma once

#include "snipass/telling/log.hpp"

#include <span>
#include <string>
#include <string_view>

namespace snipass::server {

// style is how lines of text or JSON are written. to_journal: with their priority, and without a time.
struct style {
    config::log_format format;
    bool to_journal;
};

// event_line is one event as a line, with its newline.
[[nodiscard]] std::string event_line(style style, config::log_level level, std::string_view message,
                                     std::span<const log::field> fields);

// event_entry is one event as an entry of the journal (telling/journal_entry).
[[nodiscard]] std::string event_entry(config::log_level level, std::string_view message,
                                      std::span<const log::field> fields);

} // namespace snipass::server
