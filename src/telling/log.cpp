// SPDX-License-Identifier: BSL-1.0
// Where lines go.
#include "snipass/telling/log.hpp"

#include "descriptor_sink.hpp"
#include "event_line.hpp"
#include "journal_sink.hpp"
#include "queue_size.hpp"

#include "snipass/os/appending.hpp"
#include "snipass/os/journal.hpp"
#include "snipass/os/signals.hpp"

#include <spdlog/async.h>

#include <unistd.h>

#include <new>
#include <utility>

namespace snipass::server {
namespace {

thread_local bool has_failed = false; // what this thread has put into a queue

} // namespace

// target is a sink behind a queue and a thread.
struct log::target {
    explicit target(std::shared_ptr<line_sink> end)
        : sink(std::move(end)), pool(std::make_shared<spdlog::details::thread_pool>(queue_size, 1)),
          logger(std::make_shared<spdlog::async_logger>("snipass", sink, pool,
                                                        spdlog::async_overflow_policy::overrun_oldest)) {
        logger->set_level(spdlog::level::trace); // what is written here was let through already
        // Newer versions of spdlog catch what is thrown, and tell who asked for it so.
        logger->set_error_handler([](const std::string&) { has_failed = true; });
    }

    // put: bad_alloc where the queue has no memory for a copy.
    void put(std::string_view text, std::size_t most) {
        if (!sink->has_room_for(text, most))
            return;
        has_failed = false;
        try {
            logger->log(spdlog::level::critical, spdlog::string_view_t{text.data(), text.size()});
        } catch (const std::bad_alloc&) {
            has_failed = true;
        }
        if (!has_failed)
            return;
        sink->give_back(text);
        throw std::bad_alloc{};
    }

    std::shared_ptr<line_sink> sink;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> logger;
};

// The file's thread tells its losses as events, so it ends before those that write them.
struct log::owned {
    std::unique_ptr<target> standard_error;
    std::unique_ptr<target> journal;
    std::shared_ptr<file_sink> to_file;
    std::unique_ptr<target> file;
};

log::log(const config::log_settings& settings, std::string journal)
    : level_(settings.level), format_(settings.format), to_journal_(os::is_journal(STDERR_FILENO)),
      journal_(std::move(journal)), owned_(std::make_unique<owned>()) {
    owned_->standard_error = std::make_unique<target>(std::make_shared<stderr_sink>(format_, to_journal_));
    targets_[static_cast<std::size_t>(log_target::standard_error)] = owned_->standard_error.get();
    if (settings.journal)
        find_journal();
}

// Each ends by itself, while those that it tells of its losses are there.
log::~log() {
    for (auto* const one : {&owned_->file, &owned_->journal, &owned_->standard_error}) {
        if (!*one)
            continue;
        (*one)->sink->end_soon();
        (*one)->logger.reset();
        (*one)->pool.reset(); // and its thread has ended
    }
}

// find_journal: where there is none, as in a container, events go to standard error.
void log::find_journal() {
    if (at(log_target::journal) == nullptr) {
        auto sink = std::make_shared<journal_sink>(journal_);
        if (const auto ec = sink->connect()) {
            events_ = log_target::standard_error;
            return write(config::log_level::warn,
                         "there is no journal here: what is for it goes to standard error",
                         {{"socket", journal_}, {"why", ec.message()}});
        }
        const os::all_signals_blocked blocked; // those of the process are another thread's
        owned_->journal = std::make_unique<target>(std::move(sink));
        targets_[static_cast<std::size_t>(log_target::journal)] = owned_->journal.get();
    }
    events_ = log_target::journal;
}

error_code log::prepare(const config::log_settings& next) {
    opened_.reset();
    next_file_ = next.file;
    if (next.file.empty())
        return {};
    auto opened = os::open_to_append(next.file);
    if (!opened && !os::is_full(opened.error()))
        return opened.error();
    if (opened)
        opened_ = std::move(*opened);
    if (!owned_->file) {
        const os::all_signals_blocked blocked;
        owned_->to_file = std::make_shared<file_sink>(
            [this](auto message, auto fields) { write(config::log_level::warn, message, fields); });
        owned_->file = std::make_unique<target>(owned_->to_file);
    }
    return {};
}

void log::forget_prepared() {
    opened_.reset();
    next_file_ = file_;
}

void log::configure(const config::log_settings& settings) {
    level_ = settings.level;
    format_ = settings.format;
    if (settings.journal)
        find_journal();
    else
        events_ = log_target::standard_error;
    if (owned_->file && !next_file_.empty()) {
        owned_->to_file->use(next_file_, std::exchange(opened_, {}));
        targets_[static_cast<std::size_t>(log_target::file)] = owned_->file.get();
    } else if (owned_->file && is_file_due_) {
        owned_->to_file->close();
    }
    is_file_due_ = next_file_.empty();
    if (owned_->file)
        owned_->file->put({}, most_bytes); // so that it is done now
    file_ = next_file_;
}

std::optional<std::uint64_t> log::reopen() {
    if (!owned_->file || file_.empty())
        return std::nullopt;
    const auto which = owned_->to_file->reopen();
    owned_->file->put({}, most_bytes);
    return which;
}

std::optional<error_code> log::reopened(std::uint64_t which) const {
    return owned_->to_file->reopened(which);
}

void log::write(config::log_level level, std::string_view message, std::span<const field> fields) {
    if (level < level_)
        return;
    const auto to = events_.load();
    try {
        put(to,
            to == log_target::journal ? event_entry(level, message, fields)
                                      : event_line({format_, to_journal_}, level, message, fields),
            most_bytes);
    } catch (const std::bad_alloc&) {
        at(to)->sink->drop("\n\n");
    }
}

void log::write_lines(std::string_view lines, log_target to) {
    try {
        put(to, lines, most_bytes_of_sessions);
    } catch (const std::bad_alloc&) {
        at(to)->sink->drop(lines);
    }
}

void log::put(log_target to, std::string_view text, std::size_t most) {
    at(to)->put(text, most);
}

log_target log::target_of_sessions(const config::log_settings& settings) const noexcept {
    if (!settings.file.empty() && at(log_target::file) != nullptr)
        return log_target::file;
    return settings.journal && at(log_target::journal) != nullptr ? log_target::journal
                                                                  : log_target::standard_error;
}

std::uint64_t log::dropped() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& one : targets_)
        if (const auto* const there = one.load())
            sum += there->sink->unwritten();
    return sum;
}

} // namespace snipass::server
