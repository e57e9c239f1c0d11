// SPDX-License-Identifier: BSL-1.0
// log: where lines go. Nothing that writes a line ever waits for whoever reads them.
#pragma once

#include "snipass/config/configuration.hpp"

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace snipass::server {

// log writes to standard error from a thread of its own. Its queue is bounded, in bytes; while it is full,
// what comes is dropped, sessions' lines before events, and how much is told. Thread-safe.
class log {
  public:
    explicit log(const config::log_settings& settings);
    ~log(); // what is queued is written, for as long as somebody reads it
    log(const log&) = delete;
    log& operator=(const log&) = delete;

    // configure changes level and format from the next line on.
    void configure(const config::log_settings& settings) noexcept;

    struct field {
        field(std::string_view name, std::string_view text) : key(name), value(text) {}
        field(std::string_view name, std::uint64_t number) : key(name), value(number) {}

        std::string_view key;
        std::variant<std::string_view, std::uint64_t> value;
    };
    // write is one event: a message and what belongs to it.
    void write(config::log_level level, std::string_view message, std::initializer_list<field> fields = {}) {
        write(level, message, std::span{fields.begin(), fields.size()});
    }
    void write(config::log_level level, std::string_view message, std::span<const field> fields);

    // write_lines takes lines that are finished, each with its newline.
    void write_lines(std::string_view lines);

    // dropped is how many events and batches of lines were not written: they came too fast, or could not be.
    [[nodiscard]] std::uint64_t dropped() const noexcept;

    // to_journal: lines begin with their priority, and have no time: the journal knows it.
    [[nodiscard]] bool to_journal() const noexcept { return to_journal_; }

  private:
    struct impl;
    std::atomic<config::log_level> level_;
    std::atomic<config::log_format> format_;
    const bool to_journal_;
    std::unique_ptr<impl> impl_; // its thread reads format_
};

} // namespace snipass::server
