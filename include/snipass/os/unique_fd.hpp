// SPDX-License-Identifier: BSL-1.0
// unique_fd: the owner of a file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace snipass::os {

// unique_fd closes what it owns. A raw int is a borrowed descriptor, good for the one call it is passed to.
class unique_fd {
  public:
    unique_fd() = default;
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~unique_fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    void reset(int fd = -1) noexcept {
        if (const int old = std::exchange(fd_, fd); old >= 0 && old != fd) {
            (void)::close(old); // Linux releases the descriptor even when close reports an error
        }
    }

  private:
    int fd_ = -1;
};

} // namespace snipass::os
