// SPDX-License-Identifier: BSL-1.0
// line_sink: the far end of a queue of lines. Private to telling.
#pragma once

#include "snipass/telling/log.hpp"

#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace snipass::server {

// line_sink writes from a thread of its own what was put into a queue. It counts what waits there, in bytes,
// and the lines that are lost, because there was no room for them or they could not be written; and it tells
// how many these are, once a second at most. An entry is one event, or a batch of session lines.
class line_sink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  public:
    // has_room_for takes the text into account until it is written. False: it has to be dropped, and is
    // counted. most: bytes that may wait.
    bool has_room_for(std::string_view text, std::size_t most) noexcept;
    // give_back: it waits no more, written or not.
    void give_back(std::string_view text) noexcept;
    // drop: there is no memory for it.
    void drop(std::string_view text) noexcept { dropped_ += count(text); }
    [[nodiscard]] std::uint64_t unwritten() const noexcept { return dropped_ + lost_ever_; }

    // end_soon: who does not read is waited for no more.
    void end_soon() noexcept { ending_ = true; }

  protected:
    using field = log::field;

    // begin is called before each entry.
    virtual void begin() {}
    // write_out returns what could not be written, if it has not failed for want of patience at the end;
    // why_lost_ says why.
    [[nodiscard]] virtual std::string_view write_out(std::string_view text) = 0;
    // tell writes a warning. False: it could not be written.
    virtual bool tell(std::string_view message, std::span<const field> fields) = 0;
    // count is how many lines there are in a text.
    [[nodiscard]] virtual std::size_t count(std::string_view text) const noexcept;
    // Where it writes, and what is wrong where it is not read fast enough, in words.
    [[nodiscard]] virtual std::string name() const = 0;
    // is_told_elsewhere: a loss is told at once, because not here.
    [[nodiscard]] virtual bool is_told_elsewhere() const noexcept { return false; }

    // is_writable waits until fd takes something; false: it gave up at the end of the process.
    [[nodiscard]] bool is_writable(int fd);

    std::string why_lost_;

  private:
    void sink_it_(const spdlog::details::log_msg& message) final;
    void flush_() final {}
    void tell_dropped();
    void tell_lost();

    std::atomic<bool> ending_ = false;
    std::atomic<std::size_t> waiting_ = 0; // bytes
    std::atomic<std::size_t> dropped_ = 0; // lines
    std::size_t told_dropped_ = 0;
    std::size_t lost_ = 0; // not told yet
    std::atomic<std::size_t> lost_ever_ = 0;
    std::chrono::steady_clock::time_point told_dropped_at_{};
    std::chrono::steady_clock::time_point told_lost_at_{};
    bool given_up_ = false;
};

} // namespace snipass::server
