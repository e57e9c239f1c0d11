// SPDX-License-Identifier: BSL-1.0
// opened_file: a regular file, open for reading, whoever may write its folder.
#pragma once

#include <cstddef>
#include <string>

namespace snipass::config {

// opened_file is in a folder that may be somebody else's: what was a file a moment ago may be a FIFO by now,
// which is not waited for. What is there may change while it is read.
class opened_file {
  public:
    explicit opened_file(const std::string& name);
    ~opened_file();
    opened_file(const opened_file&) = delete;
    opened_file& operator=(const opened_file&) = delete;

    // Why it is not open, as errno; ENOTSUP: it is no regular file. 0: it is.
    [[nodiscard]] int problem() const noexcept { return problem_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // read fills `room`, or takes what is left, and returns how much that is; a problem() makes it less.
    [[nodiscard]] std::size_t read(char* room, std::size_t size);

  private:
    int fd_;
    int problem_ = 0;
    std::size_t size_ = 0;
};

} // namespace snipass::config
