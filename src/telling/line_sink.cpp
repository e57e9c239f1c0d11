// SPDX-License-Identifier: BSL-1.0
// What waits to be written, and what is lost on the way.
#include "line_sink.hpp"

#include "queue_size.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

namespace snipass::server {
namespace {

constexpr int patience_at_exit_ms = 1000;
constexpr auto tell_interval = std::chrono::seconds{1};

} // namespace

bool line_sink::has_room_for(std::string_view text, std::size_t most) noexcept {
    const auto cost = cost_of(text.size());
    if (waiting_.fetch_add(cost) + cost <= most)
        return true;
    give_back(text);
    drop(text);
    return false;
}

void line_sink::give_back(std::string_view text) noexcept {
    waiting_ -= cost_of(text.size());
}

std::size_t line_sink::count(std::string_view text) const noexcept {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

void line_sink::sink_it_(const spdlog::details::log_msg& message) {
    const std::string_view text{message.payload.data(), message.payload.size()};
    // Also where there is no memory for what is told beside it.
    const struct taken {
        ~taken() { sink.give_back(text); }
        line_sink& sink;
        std::string_view text;
    } taken{*this, text};
    begin();
    tell_dropped();
    tell_lost();
    if (const auto rest = write_out(text); !rest.empty() && !given_up_) {
        const auto lines = std::max<std::size_t>(count(rest), 1);
        lost_ += lines;
        lost_ever_ += lines;
    }
    if (is_told_elsewhere())
        tell_lost();
}

// Told here and not where it happens: a queue that is full would drop a line for this one, too.
void line_sink::tell_dropped() {
    const std::size_t dropped = dropped_;
    const auto now = std::chrono::steady_clock::now();
    if (dropped == told_dropped_ || now - told_dropped_at_ < tell_interval)
        return;
    const field lines{"lines", std::uint64_t{dropped - std::exchange(told_dropped_, dropped)}};
    told_dropped_at_ = now;
    (void)tell("log lines were dropped: " + name() + " is not read fast enough", {&lines, 1});
}

// A full disk takes lines again once there is room.
void line_sink::tell_lost() {
    const auto now = std::chrono::steady_clock::now();
    if (lost_ == 0 || now - told_lost_at_ < tell_interval)
        return;
    const std::array<field, 2> what{field{"lines", std::uint64_t{lost_}}, field{"why", why_lost_}};
    const auto lost = std::exchange(lost_, 0);
    if (!tell("log lines were lost: " + name() + " could not be written to", what))
        lost_ = lost; // this line is none of them
    else
        told_lost_at_ = now;
}

bool line_sink::is_writable(int fd) {
    while (!given_up_) {
        pollfd one{fd, POLLOUT, 0};
        if (::poll(&one, 1, patience_at_exit_ms) != 0)
            return true;
        given_up_ = ending_;
    }
    return false;
}

} // namespace snipass::server
