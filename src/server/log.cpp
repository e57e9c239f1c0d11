// Where lines go.
#include "snipass/server/log.hpp"

#include "snipass/server/escape.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <mutex>

namespace snipass::server {
namespace {

constexpr std::size_t queue_size = 4096; // entries; an entry is one event, or a batch of session lines
constexpr int patience_at_exit_ms = 1000;

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

// stderr_sink writes with write(2). While the process runs it waits for a slow reader; once the process is
// ending it gives up on one that does not read at all.
class stderr_sink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    std::atomic<bool> ending = false;

  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const char* at = message.payload.data();
        std::size_t left = message.payload.size();
        while (left > 0) {
            if (!writable())
                return;
            const auto n = ::write(STDERR_FILENO, at, left);
            if (n < 0 && errno != EINTR && errno != EAGAIN)
                return; // nobody reads any more
            if (n <= 0)
                continue;
            at += n;
            left -= static_cast<std::size_t>(n);
        }
    }
    void flush_() override {}

    bool writable() {
        for (;;) {
            pollfd one{STDERR_FILENO, POLLOUT, 0};
            if (::poll(&one, 1, patience_at_exit_ms) != 0)
                return true;
            if (ending)
                return false;
        }
    }
};

} // namespace

struct log::impl {
    std::shared_ptr<stderr_sink> sink = std::make_shared<stderr_sink>();
    std::shared_ptr<spdlog::details::thread_pool> pool =
        std::make_shared<spdlog::details::thread_pool>(queue_size, 1);
    std::shared_ptr<spdlog::async_logger> logger = std::make_shared<spdlog::async_logger>(
        "snipass", sink, pool, spdlog::async_overflow_policy::overrun_oldest);
    std::atomic<std::size_t> dropped = 0; // entries, as last told
};

log::log(const config::log_settings& settings)
    : impl_(std::make_unique<impl>()), level_(settings.level), format_(settings.format) {
    impl_->logger->set_level(spdlog::level::trace); // what is written here was let through already
}

log::~log() {
    impl_->sink->ending = true;
}

void log::configure(const config::log_settings& settings) noexcept {
    level_ = settings.level;
    format_ = settings.format;
}

void log::write(config::log_level level, std::string_view message, std::span<const field> fields) {
    if (level < level_)
        return;
    std::string line;
    if (format_ == config::log_format::json) {
        line += "{\"time\":\"";
        append_time(line, std::chrono::system_clock::now());
        line += "\",\"level\":\"";
        line += to_string(level);
        line += "\",\"message\":";
        append_json(line, message);
        for (const auto& [key, value] : fields) {
            line += ",\"";
            line += key;
            line += "\":";
            append_json(line, value);
        }
        line += "}\n";
    } else {
        append_time(line, std::chrono::system_clock::now());
        line += ' ';
        line += to_string(level);
        line += ' ';
        line += message;
        for (const auto& [key, value] : fields) {
            line += ' ';
            line += key;
            line += '=';
            append_json(line, value);
        }
        line += '\n';
    }
    write_lines(line);
}

void log::write_lines(std::string_view lines) {
    impl_->logger->log(spdlog::level::critical, spdlog::string_view_t{lines.data(), lines.size()});
    const auto dropped = impl_->pool->overrun_counter();
    if (const auto told = impl_->dropped.exchange(dropped); told < dropped) {
        write(config::log_level::warn, "log lines were dropped: standard error is not read fast enough",
              {{"batches", std::to_string(dropped - told)}});
    }
}

} // namespace snipass::server
