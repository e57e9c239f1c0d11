// SPDX-License-Identifier: BSL-1.0
// Where ticket keys outlive a process.
#include "snipass/terminate/ticket_file.hpp"

#include "snipass/os/error.hpp"

#include <openssl/crypto.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace snipass::terminate {
namespace {

constexpr char format[16] = "snipass tickets"; // this one, version 1

// What is in the file, byte for byte: one machine writes and reads it.
struct content {
    char format[16];
    std::int64_t moved; // seconds since 1970
    std::array<ticket_key, 3> keys;

    ~content() { OPENSSL_cleanse(this, sizeof *this); }
};
static_assert(std::is_trivially_copyable_v<ticket_key> && sizeof(content) == 16 + 8 + 3 * 80);

bool is_ours_alone(int fd) {
    struct stat file {};
    constexpr mode_t others = S_IRWXG | S_IRWXO;
    return ::fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_uid == ::geteuid() &&
           (file.st_mode & others) == 0 && file.st_nlink == 1;
}

} // namespace

ticket_ring::~ticket_ring() {
    OPENSSL_cleanse(keys.data(), sizeof keys);
}

result<ticket_file> ticket_file::open(const std::string& path) {
    // O_NONBLOCK: a FIFO in its place would wait for somebody.
    constexpr int how = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    ticket_file made;
    made.fd_.reset(::open(path.c_str(), how, S_IRUSR | S_IWUSR));
    if (!made.fd_)
        return os::last_error();
    if (!is_ours_alone(made.fd_.get()))
        return os::make_error(EPERM);
    return made;
}

ticket_file::lock::lock(const ticket_file& file)
    : fd_(file.fd_.get()), is_ours_(fd_ < 0 || ::flock(fd_, LOCK_EX | LOCK_NB) == 0) {}

ticket_file::lock::~lock() {
    if (fd_ >= 0 && is_ours_)
        (void)::flock(fd_, LOCK_UN);
}

std::optional<ticket_ring> ticket_file::read() const {
    content found{};
    const auto n = fd_ ? ::pread(fd_.get(), &found, sizeof found, 0) : 0;
    if (n != static_cast<ssize_t>(sizeof found) || std::memcmp(found.format, format, sizeof format) != 0)
        return std::nullopt;
    ticket_ring made;
    made.keys = found.keys;
    made.moved = ticket_ring::clock::time_point{std::chrono::seconds{found.moved}};
    return made;
}

error_code ticket_file::write(const ticket_ring& ring) const {
    if (!fd_)
        return {};
    content made{};
    std::ranges::copy(format, made.format);
    made.moved = std::chrono::duration_cast<std::chrono::seconds>(ring.moved.time_since_epoch()).count();
    made.keys = ring.keys;
    const auto n = ::pwrite(fd_.get(), &made, sizeof made, 0);
    if (n < 0)
        return os::last_error();
    return n == static_cast<ssize_t>(sizeof made) ? error_code{} : os::make_error(ENOSPC);
}

} // namespace snipass::terminate
