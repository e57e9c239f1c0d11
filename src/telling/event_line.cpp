// SPDX-License-Identifier: BSL-1.0
// An event as text, as JSON, and as an entry of the journal.
#include "event_line.hpp"

#include "snipass/telling/escape.hpp"
#include "snipass/telling/journal_entry.hpp"

#include <chrono>

namespace snipass::server {
namespace {

std::string_view to_string(config::log_level level) noexcept {
    switch (level) {
    case config::log_level::trace:
        return "trace";
    case config::log_level::debug:
        return "debug";
    case config::log_level::info:
        return "info";
    case config::log_level::warn:
        return "warn";
    case config::log_level::error:
        return "error";
    }
    return "?";
}

using field = log::field;

void append_value(std::string& to, const field& one) {
    if (const auto* const number = std::get_if<std::uint64_t>(&one.value))
        to += std::to_string(*number);
    else
        append_json(to, std::get<std::string_view>(one.value));
}

void append_json_event(std::string& to, bool timed, config::log_level level, std::string_view message,
                       std::span<const field> fields) {
    to += '{';
    if (timed) {
        to += "\"time\":\"";
        append_time(to, std::chrono::system_clock::now());
        to += "\",";
    }
    to += "\"level\":\"";
    to += to_string(level);
    to += "\",\"message\":";
    append_json(to, message);
    for (const auto& one : fields) {
        to += ",\"";
        to += one.key;
        to += "\":";
        append_value(to, one);
    }
    to += '}';
}

void append_fields(std::string& to, std::span<const field> fields) {
    for (const auto& one : fields) {
        to += ' ';
        to += one.key;
        to += '=';
        append_value(to, one);
    }
}

void append_text_event(std::string& to, bool timed, config::log_level level, std::string_view message,
                       std::span<const field> fields) {
    if (timed) {
        append_time(to, std::chrono::system_clock::now());
        to += ' ';
    }
    to += to_string(level);
    to += ' ';
    to += message;
    append_fields(to, fields);
}

} // namespace

std::string event_line(style style, config::log_level level, std::string_view message,
                       std::span<const field> fields) {
    std::string line;
    if (style.to_journal)
        append_priority(line, level);
    const auto append = style.format == config::log_format::json ? append_json_event : append_text_event;
    append(line, !style.to_journal, level, message, fields);
    return line += '\n';
}

std::string event_entry(config::log_level level, std::string_view message, std::span<const field> fields) {
    std::string text{message};
    append_fields(text, fields);
    std::string entry;
    journal_entry made{entry, text, level};
    for (const auto& one : fields)
        if (const auto* const number = std::get_if<std::uint64_t>(&one.value))
            made.number(one.key, *number);
        else
            made.quoted(one.key, std::get<std::string_view>(one.value));
    made.end();
    return entry;
}

} // namespace snipass::server
