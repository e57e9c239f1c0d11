// SPDX-License-Identifier: BSL-1.0
// Lines to standard error, or to a file.
#include "descriptor_sink.hpp"

#include "snipass/os/appending.hpp"
#include "snipass/os/error.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <utility>

namespace snipass::server {
namespace {

constexpr auto try_interval = std::chrono::seconds{1};

} // namespace

std::string_view descriptor_sink::write_out(std::string_view text) {
    if (fd() < 0)
        return text;
    if (is_cut_ && ::write(fd(), "\n", 1) == 1)
        is_cut_ = false; // what comes next is a line of its own
    while (!text.empty() && is_writable(fd())) {
        // A pipe that is writable takes so much without blocking (pipe(7)), and not more.
        const auto n = ::write(fd(), text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            why_lost_ = os::last_error().message();
            return text;
        }
        if (n > 0) {
            text.remove_prefix(static_cast<std::size_t>(n));
            is_cut_ = !text.empty();
        }
    }
    return text;
}

int stderr_sink::fd() const noexcept {
    return STDERR_FILENO;
}

void file_sink::use(std::string path, os::unique_fd opened) {
    const std::lock_guard lock{mutex_};
    next_ = {std::move(path), std::move(opened)};
    close_ = false;
}

std::uint64_t file_sink::reopen() {
    const std::lock_guard lock{mutex_};
    return ++wanted_;
}

std::optional<error_code> file_sink::reopened(std::uint64_t which) const {
    const std::lock_guard lock{mutex_};
    return done_ >= which ? std::optional{came_of_it_} : std::nullopt;
}

void file_sink::close() {
    const std::lock_guard lock{mutex_};
    close_ = true;
}

void file_sink::begin() {
    std::optional<change> next;
    std::uint64_t wanted = 0;
    bool again = false;
    {
        const std::lock_guard lock{mutex_};
        next = std::exchange(next_, std::nullopt);
        wanted = wanted_;
        again = wanted_ > done_;
        if (std::exchange(close_, false)) {
            fd_.reset();
            path_.clear();
        }
    }
    if (next) {
        path_ = std::move(next->path);
        fd_ = std::move(next->opened);
        begin_anew();
    }
    const auto now = std::chrono::steady_clock::now();
    error_code ec;
    if (!path_.empty() && (again || (!fd_ && now - tried_at_ >= try_interval)))
        ec = open();
    if (!again)
        return;
    const std::lock_guard lock{mutex_};
    done_ = wanted;
    came_of_it_ = ec;
}

// open: where it fails the lines go on into the file that is open, if one is: renamed, it is still there.
error_code file_sink::open() {
    tried_at_ = std::chrono::steady_clock::now();
    auto opened = os::open_to_append(path_);
    if (opened) {
        fd_ = std::move(*opened);
        begin_anew();
        return {};
    }
    why_lost_ = opened.error().message();
    const std::array<field, 2> what{field{"file", path_}, field{"why", why_lost_}};
    tell_("the log's file cannot be opened", what);
    return opened.error();
}

} // namespace snipass::server
