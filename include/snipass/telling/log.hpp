// SPDX-License-Identifier: BSL-1.0
// log: where lines go. Nothing that writes a line ever waits for whoever reads them.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/os/unique_fd.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace snipass::server {

// log_target is where something is written to.
enum class log_target {
    standard_error,
    file,    // of sessions
    journal, // systemd's, as entries with fields
};
inline constexpr std::size_t log_target_count = 3;

// log writes to each target from a thread of its own. Its queues are bounded, in bytes; while one is full,
// what comes is dropped, sessions' lines before events, and how much is told. Events go to standard error, or
// to the journal; sessions' lines go there, too, or to a file. Thread-safe, but for what is the daemon's.
class log {
  public:
    // journal: the path of its socket.
    explicit log(const config::log_settings& settings, std::string journal = "/run/systemd/journal/socket");
    ~log(); // what is queued is written, for as long as somebody reads it
    log(const log&) = delete;
    log& operator=(const log&) = delete;

    // Of the daemon's thread. prepare opens what `next` writes to; a file that is full or has no room is no
    // error, and is tried again. configure takes what was prepared into use, from the next line on: level,
    // format, targets. reopen has the file opened again: who has renamed it gets no more lines, once
    // reopened() says so; none: there is no file.
    [[nodiscard]] error_code prepare(const config::log_settings& next);
    void forget_prepared(); // nothing comes of that reload
    void configure(const config::log_settings& settings);
    std::optional<std::uint64_t> reopen();

    // reopened: none, that has not been done yet. An error: it cannot be opened.
    [[nodiscard]] std::optional<error_code> reopened(std::uint64_t which) const;

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

    // write_lines takes what is finished and written for that target: lines, each with its newline, or
    // entries of the journal (telling/journal_entry).
    void write_lines(std::string_view lines, log_target to = log_target::standard_error);

    // target_of_sessions is where sessions' lines go with these settings.
    [[nodiscard]] log_target target_of_sessions(const config::log_settings& settings) const noexcept;

    // dropped is how many lines were not written: they came too fast, or could not be.
    [[nodiscard]] std::uint64_t dropped() const noexcept;

    // to_journal: lines to standard error begin with their priority, and have no time: the journal knows it.
    [[nodiscard]] bool to_journal() const noexcept { return to_journal_; }

  private:
    struct target;
    struct owned;

    [[nodiscard]] target* at(log_target one) const noexcept {
        return targets_[static_cast<std::size_t>(one)].load(std::memory_order_acquire);
    }
    void find_journal();
    void put(log_target to, std::string_view text, std::size_t most);

    std::atomic<config::log_level> level_;
    std::atomic<config::log_format> format_;
    std::atomic<log_target> events_ = log_target::standard_error;
    const bool to_journal_;
    const std::string journal_;
    std::string file_;         // in use
    std::string next_file_;    // prepared
    os::unique_fd opened_;     // for that
    bool is_file_due_ = false; // to be closed at the next change: late lines have been written by then
    // Each is made when it is needed, and stays.
    std::array<std::atomic<target*>, log_target_count> targets_{};
    std::unique_ptr<owned> owned_; // their threads read format_
};

} // namespace snipass::server
