// SPDX-License-Identifier: BSL-1.0
// Unix sockets that clients' sockets come in on.
#include "snipass/os/unix_listener.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

namespace snipass::os {
namespace {

using namespace std::chrono_literals;

// A sender whose connect fails because of a full backlog has to poll for room (unix(7)): be generous.
// net.core.somaxconn cuts this.
constexpr int backlog = 65'535;

// is_stale: a socket's file with nobody behind it. What is no socket is nobody's to remove.
bool is_stale(const std::string& path, int type) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode))
        return false;
    const auto probe = connect_unix(path, type);
    return !probe && probe.error() == make_error(ECONNREFUSED);
}

error_code bind_to(int fd, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return make_error(ENAMETOOLONG);
    path.copy(address.sun_path, path.size());
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return last_error();
    return {};
}

error_code replace(int fd, const std::string& path, int type) {
    const auto ec = bind_to(fd, path);
    if (ec != make_error(EADDRINUSE) || !is_stale(path, type))
        return ec;
    (void)::unlink(path.c_str()); // if it fails, bind says so
    return bind_to(fd, path);
}

// How long to wait for that lock: those who hold it need it for microseconds.
constexpr auto patience = 200ms;

// Between its bind and its listen a new socket looks like a dead one. Whoever makes or replaces one therefore
// holds a lock on the folder, which ends with the descriptor; libsnipass and the preload library do the same.
// Where that cannot be had (the folder may not be read, or a stranger keeps it locked) it goes without.
unique_fd lock_folder(const std::string& path) {
    const auto slash = path.rfind('/');
    const auto folder = slash == std::string::npos ? std::string{"."} : path.substr(0, slash + 1);
    unique_fd lock{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const auto until = std::chrono::steady_clock::now() + patience;
    while (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() >= until)
            break;
        std::this_thread::sleep_for(10ms);
    }
    return lock;
}

// set_mode_by_path is for where there is no /proc (a chroot): chmod(2) follows a link, so it must not be one.
error_code set_mode_by_path(const std::string& path, const struct stat& file, mode_t mode) {
    struct stat now {};
    if (::lstat(path.c_str(), &now) != 0)
        return last_error();
    if (!S_ISSOCK(now.st_mode) || now.st_dev != file.st_dev || now.st_ino != file.st_ino)
        return make_error(ELOOP);
    return ::chmod(path.c_str(), mode) == 0 ? error_code{} : last_error();
}

} // namespace

socket_file::socket_file(std::string path) : path_(std::move(path)) {
    struct stat found {};
    if (::lstat(path_.c_str(), &found) != 0)
        path_.clear();
    device_ = found.st_dev;
    inode_ = found.st_ino;
}

socket_file::socket_file(socket_file&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

socket_file& socket_file::operator=(socket_file&& other) noexcept {
    if (this != &other) {
        remove();
        path_ = std::exchange(other.path_, {});
        device_ = other.device_;
        inode_ = other.inode_;
    }
    return *this;
}

socket_file::~socket_file() {
    remove();
}

void socket_file::remove() noexcept {
    struct stat found {};
    const bool ours = !path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ &&
                      found.st_ino == inode_;
    if (ours)
        (void)::unlink(path_.c_str()); // the folder may not be ours to change: the next one replaces the file
}

result<unix_listener> listen_unix(const std::string& path, int type, mode_t mode) {
    unix_listener made{unique_fd{::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)}, {}};
    if (!made.fd)
        return last_error();
    const int on = 1;
    if (type == SOCK_DGRAM && ::setsockopt(made.fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
        return last_error();
    // The file is born with the socket's mode, less what umask takes; that is given back.
    if (::fchmod(made.fd.get(), mode) != 0)
        return last_error();
    const auto lock = lock_folder(path);
    if (const auto ec = replace(made.fd.get(), path, type))
        return ec;
    made.file = socket_file{path};
    if (const auto ec = set_socket_mode(path, mode))
        return ec;
    if (type == SOCK_STREAM && ::listen(made.fd.get(), backlog) != 0)
        return last_error();
    return made;
}

error_code set_socket_mode(const std::string& path, mode_t mode) {
    const unique_fd file{::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    struct stat found {};
    if (!file || ::fstat(file.get(), &found) != 0)
        return last_error();
    if (!S_ISSOCK(found.st_mode))
        return make_error(ELOOP);
    if ((found.st_mode & 07777U) == mode)
        return {};
    // There is no fchmod(2) for a socket's file but by this name of it.
    const auto name = "/proc/self/fd/" + std::to_string(file.get());
    if (::chmod(name.c_str(), mode) == 0)
        return {};
    return errno == ENOENT ? set_mode_by_path(path, found, mode) : last_error();
}

result<lent_unix> prepare_lent_unix(int fd) {
    lent_unix lent;
    sockaddr_un address{};
    socklen_t size = sizeof address;
    socklen_t type_size = sizeof lent.type;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &lent.type, &type_size) != 0)
        return last_error();
    if (address.sun_family != AF_UNIX || (lent.type != SOCK_STREAM && lent.type != SOCK_DGRAM))
        return make_error(EPROTOTYPE);
    if (lent.type == SOCK_STREAM && !is_listening(fd)) // it would be ready for ever, with nobody to accept
        return make_error(EINVAL);
    const int on = 1;
    if (lent.type == SOCK_DGRAM && ::setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
        return last_error();
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return last_error();
    lent.path = local_path(fd);
    return lent;
}

} // namespace snipass::os
