// SPDX-License-Identifier: BSL-1.0
// Lines to a descriptor: standard error, or a file. Private to telling.
#pragma once

#include "event_line.hpp"
#include "line_sink.hpp"

#include "snipass/os/unique_fd.hpp"

#include <functional>
#include <mutex>
#include <optional>

namespace snipass::server {

// descriptor_sink waits for a slow reader while the process runs, and gives up on one that does not read once
// the process is ending.
class descriptor_sink : public line_sink {
  protected:
    [[nodiscard]] std::string_view write_out(std::string_view text) final;
    // fd: -1: there is none, and why_lost_ says why.
    [[nodiscard]] virtual int fd() const noexcept = 0;
    void begin_anew() noexcept { is_cut_ = false; }

  private:
    bool is_cut_ = false; // the last line was written in part
};

class stderr_sink final : public descriptor_sink {
  public:
    stderr_sink(const std::atomic<config::log_format>& format, bool to_journal)
        : format_(format), to_journal_(to_journal) {}

  private:
    [[nodiscard]] int fd() const noexcept override;
    bool tell(std::string_view message, std::span<const field> fields) override {
        return write_out(event_line({format_, to_journal_}, config::log_level::warn, message, fields))
            .empty();
    }
    [[nodiscard]] std::string name() const override { return "standard error"; }

    const std::atomic<config::log_format>& format_;
    const bool to_journal_;
};

// file_sink has a file that is replaced while it is written to. What it has to tell goes where events go. A
// file that cannot be opened for want of room is tried again; its lines are lost meanwhile.
class file_sink final : public descriptor_sink {
  public:
    using teller = std::function<void(std::string_view message, std::span<const log::field> fields)>;
    explicit file_sink(teller tell) : tell_(std::move(tell)) {}

    // For any thread; each is done before the next line is written. use: what was opened as `path`; none: it
    // is to be opened. reopen: the file at the path may be another one now; reopened, how that went, once it
    // is done.
    void use(std::string path, os::unique_fd opened);
    std::uint64_t reopen();
    [[nodiscard]] std::optional<error_code> reopened(std::uint64_t which) const;
    void close();

  private:
    void begin() override;
    error_code open();
    [[nodiscard]] int fd() const noexcept override { return fd_.get(); }
    bool tell(std::string_view message, std::span<const field> fields) override {
        tell_(message, fields);
        return true;
    }
    [[nodiscard]] std::string name() const override { return path_; }
    [[nodiscard]] bool is_told_elsewhere() const noexcept override { return true; }

    struct change {
        std::string path;
        os::unique_fd opened;
    };
    mutable std::mutex mutex_; // of the next five
    std::optional<change> next_;
    std::uint64_t wanted_ = 0; // how often it was asked to reopen, and was
    std::uint64_t done_ = 0;
    error_code came_of_it_;
    bool close_ = false;

    teller tell_;
    std::string path_;
    os::unique_fd fd_;
    std::chrono::steady_clock::time_point tried_at_{};
};

} // namespace snipass::server
