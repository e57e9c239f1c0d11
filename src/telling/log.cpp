// SPDX-License-Identifier: BSL-1.0
// Where lines go.
#include "snipass/telling/log.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/journal.hpp"
#include "snipass/telling/escape.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <new>
#include <string>
#include <utility>

namespace snipass::server {
namespace {

// An entry is one event, or a batch of session lines. However small it is, it is counted as `least_cost`
// bytes, so that there are never more entries than the queue has room for. Some of the bytes are kept for
// events.
constexpr std::size_t queue_size = 4096;
constexpr std::size_t most_bytes = 8 << 20;
constexpr std::size_t most_bytes_of_sessions = most_bytes - (1 << 20);
constexpr std::size_t least_cost = most_bytes / queue_size;

constexpr std::size_t cost_of(std::size_t size) noexcept {
    return std::max(size, least_cost);
}

constexpr int patience_at_exit_ms = 1000;
constexpr auto tell_interval = std::chrono::seconds{1};

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

// style is how lines are written.
struct style {
    config::log_format format;
    bool to_journal;
};

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

void append_text_event(std::string& to, bool timed, config::log_level level, std::string_view message,
                       std::span<const field> fields) {
    if (timed) {
        append_time(to, std::chrono::system_clock::now());
        to += ' ';
    }
    to += to_string(level);
    to += ' ';
    to += message;
    for (const auto& one : fields) {
        to += ' ';
        to += one.key;
        to += '=';
        append_value(to, one);
    }
}

// event_line is one event as a line, with its newline.
std::string event_line(style style, config::log_level level, std::string_view message,
                       std::span<const field> fields) {
    std::string line;
    if (style.to_journal)
        append_priority(line, level);
    const auto append = style.format == config::log_format::json ? append_json_event : append_text_event;
    append(line, !style.to_journal, level, message, fields);
    return line += '\n';
}

// stderr_sink writes with write(2), from the log's own thread. While the process runs it waits for a slow
// reader, and tells it what it has missed; once the process is ending it gives up on one that does not read.
class stderr_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  public:
    stderr_sink(const std::atomic<config::log_format>& format, bool to_journal)
        : format_(format), to_journal_(to_journal) {}

    // has_room_for takes so many bytes into account until they are written. False: they have to be dropped.
    bool has_room_for(std::size_t size, std::size_t most) noexcept {
        const auto cost = cost_of(size);
        if (waiting_.fetch_add(cost) + cost <= most)
            return true;
        waiting_ -= cost;
        ++dropped_;
        return false;
    }

    void drop() noexcept { ++dropped_; }
    [[nodiscard]] std::uint64_t unwritten() const noexcept { return dropped_ + lost_ever_; }

    void end_soon() noexcept { ending_ = true; }

  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        tell_dropped();
        tell_lost();
        write({message.payload.data(), message.payload.size()});
        waiting_ -= cost_of(message.payload.size());
    }
    void flush_() override {}

    // Told here and not where it happens: a queue that is full would drop a line for this one, too.
    void tell_dropped() {
        const std::size_t dropped = dropped_;
        const auto now = std::chrono::steady_clock::now();
        if (dropped == told_dropped_ || now - told_at_ < tell_interval)
            return;
        const field batches{"batches", std::uint64_t{dropped - std::exchange(told_dropped_, dropped)}};
        told_at_ = now;
        write(event_line({format_, to_journal_}, config::log_level::warn,
                         "log lines were dropped: standard error is not read fast enough", {&batches, 1}));
    }

    // A full disk takes lines again once there is room.
    void tell_lost() {
        const auto now = std::chrono::steady_clock::now();
        if (lost_ == 0 || now - told_lost_at_ < tell_interval)
            return;
        const std::array<field, 2> what{field{"batches", std::uint64_t{lost_}}, field{"why", why_lost_}};
        const auto lost = std::exchange(lost_, 0);
        if (!write(event_line({format_, to_journal_}, config::log_level::warn,
                              "log lines were lost: standard error could not be written to", what)))
            lost_ = lost; // this line is none of them
        else
            told_lost_at_ = now;
    }

    // write: false: the text, or its rest, is lost.
    bool write(std::string_view text) {
        if (is_cut_ && ::write(STDERR_FILENO, "\n", 1) == 1)
            is_cut_ = false; // what comes next is a line of its own
        while (!text.empty() && writable()) {
            // A pipe that is writable takes so much without blocking (pipe(7)), and not more.
            const auto n = ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
            if (n < 0 && errno != EINTR && errno != EAGAIN) {
                why_lost_ = os::last_error().message();
                ++lost_;
                ++lost_ever_;
                return false;
            }
            if (n > 0) {
                text.remove_prefix(static_cast<std::size_t>(n));
                is_cut_ = !text.empty();
            }
        }
        return text.empty();
    }

    bool writable() {
        while (!given_up_) {
            pollfd one{STDERR_FILENO, POLLOUT, 0};
            if (::poll(&one, 1, patience_at_exit_ms) != 0)
                return true;
            given_up_ = ending_;
        }
        return false;
    }

    const std::atomic<config::log_format>& format_;
    const bool to_journal_;
    std::atomic<bool> ending_ = false;
    std::atomic<std::size_t> waiting_ = 0; // bytes
    std::atomic<std::size_t> dropped_ = 0; // entries
    std::size_t told_dropped_ = 0;
    std::size_t lost_ = 0; // not told yet
    std::atomic<std::size_t> lost_ever_ = 0;
    std::string why_lost_;
    std::chrono::steady_clock::time_point told_lost_at_{};
    bool is_cut_ = false; // the last line was written in part
    std::chrono::steady_clock::time_point told_at_{};
    bool given_up_ = false;
};

} // namespace

struct log::impl {
    impl(const std::atomic<config::log_format>& format, bool to_journal)
        : sink(std::make_shared<stderr_sink>(format, to_journal)),
          pool(std::make_shared<spdlog::details::thread_pool>(queue_size, 1)),
          logger(std::make_shared<spdlog::async_logger>("snipass", sink, pool,
                                                        spdlog::async_overflow_policy::overrun_oldest)) {
        logger->set_level(spdlog::level::trace); // what is written here was let through already
    }

    void put(std::string_view text, std::size_t most) {
        if (sink->has_room_for(text.size(), most))
            logger->log(spdlog::level::critical, spdlog::string_view_t{text.data(), text.size()});
    }

    std::shared_ptr<stderr_sink> sink;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> logger;
};

log::log(const config::log_settings& settings)
    : level_(settings.level), format_(settings.format), to_journal_(os::is_journal(STDERR_FILENO)),
      impl_(std::make_unique<impl>(format_, to_journal_)) {}

log::~log() {
    impl_->sink->end_soon();
}

void log::configure(const config::log_settings& settings) noexcept {
    level_ = settings.level;
    format_ = settings.format;
}

void log::write(config::log_level level, std::string_view message, std::span<const field> fields) {
    if (level < level_)
        return;
    try {
        impl_->put(event_line({format_, to_journal_}, level, message, fields), most_bytes);
    } catch (const std::bad_alloc&) {
        impl_->sink->drop();
    }
}

std::uint64_t log::dropped() const noexcept {
    return impl_->sink->unwritten();
}

void log::write_lines(std::string_view lines) {
    try {
        impl_->put(lines, most_bytes_of_sessions);
    } catch (const std::bad_alloc&) {
        impl_->sink->drop();
    }
}

} // namespace snipass::server
