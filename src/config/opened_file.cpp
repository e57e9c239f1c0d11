// SPDX-License-Identifier: BSL-1.0
// A regular file, open for reading, whoever may write its folder.
#include "snipass/config/opened_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace snipass::config {
namespace {

// It may be another file by now than a moment ago: to open a FIFO without O_NONBLOCK waits for a writer. With
// it, who has a lease on the file (fcntl(2), F_SETLEASE; Samba does) is asked to let go, and the kernel takes
// the lease away after fs.lease-break-time, which is 45 s by default.
int open_without_fifo(const std::string& name) {
    constexpr auto pause = std::chrono::milliseconds{10};
    for (auto left = std::chrono::milliseconds{60'000};; left -= pause) {
        const int fd = ::open(name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0 || errno != EWOULDBLOCK || left <= pause)
            return fd;
        std::this_thread::sleep_for(pause);
    }
}

} // namespace

opened_file::opened_file(const std::string& name) : fd_(open_without_fifo(name)) {
    struct stat what {};
    if (fd_ < 0 || ::fstat(fd_, &what) != 0)
        problem_ = errno;
    else if (!S_ISREG(what.st_mode))
        problem_ = ENOTSUP;
    else
        size_ = static_cast<std::size_t>(what.st_size);
}

opened_file::~opened_file() {
    if (fd_ >= 0)
        ::close(fd_);
}

std::size_t opened_file::read(char* room, std::size_t size) {
    std::size_t n = 0;
    while (n < size) {
        const auto some = ::read(fd_, room + n, size - n);
        if (some < 0 && errno == EINTR)
            continue;
        if (some < 0)
            problem_ = errno;
        if (some <= 0)
            break;
        n += static_cast<std::size_t>(some);
    }
    return n;
}

} // namespace snipass::config
