// SPDX-License-Identifier: BSL-1.0
// Standard error as a pipe, while it exists.
#pragma once

#include "snipass/os/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>

namespace snipass::testing {

class captured_stderr {
  public:
    captured_stderr() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            throw std::runtime_error{"pipe2"};
        read_end_ = os::unique_fd{ends[0]};
        before_ = os::unique_fd{::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)};
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[1]);
    }
    ~captured_stderr() { restore(); }
    captured_stderr(const captured_stderr&) = delete;
    captured_stderr& operator=(const captured_stderr&) = delete;

    [[nodiscard]] int fd() const noexcept { return read_end_.get(); }

    // restore gives standard error back; nobody writes to the pipe from then on.
    void restore() {
        if (before_)
            ::dup2(before_.get(), STDERR_FILENO);
        before_.reset();
    }

    // text is all that was written; nobody may be writing any more.
    [[nodiscard]] std::string text() {
        restore();
        std::string all;
        std::array<char, 4096> chunk;
        for (ssize_t n = 1; n > 0; all.append(chunk.data(), static_cast<std::size_t>(n > 0 ? n : 0)))
            n = ::read(read_end_.get(), chunk.data(), chunk.size());
        return all;
    }

    void stop_reading() { read_end_.reset(); }

  private:
    os::unique_fd read_end_;
    os::unique_fd before_;
};

} // namespace snipass::testing
