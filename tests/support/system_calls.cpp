// SPDX-License-Identifier: BSL-1.0
#include "system_calls.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <utility>

namespace snipass::testing {
namespace {

std::atomic<pid_t> watched = 0;
std::mutex mutex; // of what follows; the watched thread and the test's are never there together for long
std::vector<call_watch::seen> log;
struct plan {
    int error = 0;
    int before = 0; // calls that succeed first
    int left = 0;
};
std::array<plan, static_cast<std::size_t>(system_call::count_)> failing;
bool failed = false;
std::size_t most_of_sendmsg = 0; // of the next one; 0: all

bool is_watched() {
    thread_local const pid_t me = ::gettid();
    return watched.load(std::memory_order_relaxed) == me;
}

// note tells whether this call is to fail, with errno set.
bool note(system_call call, int fd) {
    if (!is_watched())
        return false;
    const std::lock_guard lock{mutex};
    auto& plan = failing[static_cast<std::size_t>(call)];
    const bool now = plan.left > 0 && --plan.before < 0;
    log.push_back({call, fd, now});
    if (!now)
        return false;
    --plan.left;
    failed = true;
    errno = plan.error;
    return true;
}

std::size_t take_most_of_sendmsg() {
    if (!is_watched())
        return 0;
    const std::lock_guard lock{mutex};
    return std::exchange(most_of_sendmsg, 0);
}

} // namespace

std::string_view to_string(system_call one) noexcept {
    static constexpr std::array<std::string_view, static_cast<std::size_t>(system_call::count_)> names{
        "accept4",     "close",      "connect",    "epoll_add", "epoll_change", "epoll_wait", "epoll_look",
        "getsockname", "getsockopt", "pipe2",      "poll",      "read",         "recv",       "recvmsg",
        "send",        "sendmsg",    "setsockopt", "shutdown",  "socket",       "splice",     "write"};
    return names[static_cast<std::size_t>(one)];
}

call_watch::call_watch(pid_t thread) {
    forget();
    watched = thread;
}

call_watch::~call_watch() {
    watched = 0;
    const std::lock_guard lock{mutex};
    failing = {};
    most_of_sendmsg = 0;
}

std::vector<call_watch::seen> call_watch::calls() const {
    const std::lock_guard lock{mutex};
    return log;
}

std::size_t call_watch::count(system_call one) const {
    const std::lock_guard lock{mutex};
    std::size_t n = 0;
    for (const auto& each : log)
        n += each.call == one ? 1U : 0U;
    return n;
}

std::size_t call_watch::count_for_clients() const {
    return calls().size() - count(system_call::epoll_wait) - count(system_call::epoll_look) -
           count(system_call::epoll_change);
}

std::string call_watch::text() const {
    std::string words;
    for (const auto& each : calls()) {
        words += words.empty() ? "" : " ";
        words += to_string(each.call);
        if (each.failed)
            words += "(fails)";
    }
    return words;
}

void call_watch::forget() {
    const std::lock_guard lock{mutex};
    log.clear();
    failed = false;
}

void call_watch::fail(system_call one, int error, int nth, int times) {
    const std::lock_guard lock{mutex};
    failing[static_cast<std::size_t>(one)] = {error, nth - 1, times};
    failed = false;
}

void call_watch::shorten_sendmsg(std::size_t bytes) {
    const std::lock_guard lock{mutex};
    most_of_sendmsg = bytes;
}

bool call_watch::has_failed() const {
    const std::lock_guard lock{mutex};
    return failed;
}

} // namespace snipass::testing

using snipass::testing::note;
using snipass::testing::system_call;
using snipass::testing::take_most_of_sendmsg;

// The linker sends every call of these functions here (ld(1), --wrap).
extern "C" {

int __real_accept4(int, sockaddr*, socklen_t*, int);
int __wrap_accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
    return note(system_call::accept4, fd) ? -1 : __real_accept4(fd, address, size, flags);
}

int __real_close(int);
int __wrap_close(int fd) {
    if (!note(system_call::close, fd))
        return __real_close(fd);
    const int error = errno;
    (void)__real_close(fd); // Linux releases the descriptor even when close reports an error
    errno = error;
    return -1;
}

int __real_connect(int, const sockaddr*, socklen_t);
int __wrap_connect(int fd, const sockaddr* address, socklen_t size) {
    return note(system_call::connect, fd) ? -1 : __real_connect(fd, address, size);
}

int __real_epoll_ctl(int, int, int, epoll_event*);
int __wrap_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
    const auto call = operation == EPOLL_CTL_ADD ? system_call::epoll_add : system_call::epoll_change;
    return note(call, fd) ? -1 : __real_epoll_ctl(epoll, operation, fd, event);
}

int __real_epoll_wait(int, epoll_event*, int, int);
int __wrap_epoll_wait(int epoll, epoll_event* events, int size, int timeout) {
    const auto call = timeout == 0 ? system_call::epoll_look : system_call::epoll_wait;
    return note(call, epoll) ? -1 : __real_epoll_wait(epoll, events, size, timeout);
}

int __real_getsockname(int, sockaddr*, socklen_t*);
int __wrap_getsockname(int fd, sockaddr* address, socklen_t* size) {
    return note(system_call::getsockname, fd) ? -1 : __real_getsockname(fd, address, size);
}

int __real_getsockopt(int, int, int, void*, socklen_t*);
int __wrap_getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
    return note(system_call::getsockopt, fd) ? -1 : __real_getsockopt(fd, level, name, value, size);
}

int __real_pipe2(int*, int);
int __wrap_pipe2(int* ends, int flags) {
    return note(system_call::pipe2, -1) ? -1 : __real_pipe2(ends, flags);
}

int __real_poll(pollfd*, nfds_t, int);
int __wrap_poll(pollfd* fds, nfds_t count, int timeout) {
    return note(system_call::poll, fds->fd) ? -1 : __real_poll(fds, count, timeout);
}

ssize_t __real_read(int, void*, size_t);
ssize_t __wrap_read(int fd, void* bytes, size_t size) {
    return note(system_call::read, fd) ? -1 : __real_read(fd, bytes, size);
}

ssize_t __real_recv(int, void*, size_t, int);
ssize_t __wrap_recv(int fd, void* bytes, size_t size, int flags) {
    return note(system_call::recv, fd) ? -1 : __real_recv(fd, bytes, size, flags);
}

ssize_t __real_recvmsg(int, msghdr*, int);
ssize_t __wrap_recvmsg(int fd, msghdr* message, int flags) {
    return note(system_call::recvmsg, fd) ? -1 : __real_recvmsg(fd, message, flags);
}

ssize_t __real_send(int, const void*, size_t, int);
ssize_t __wrap_send(int fd, const void* bytes, size_t size, int flags) {
    return note(system_call::send, fd) ? -1 : __real_send(fd, bytes, size, flags);
}

ssize_t __real_sendmsg(int, const msghdr*, int);
ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
    if (note(system_call::sendmsg, fd))
        return -1;
    const auto most = take_most_of_sendmsg();
    if (most == 0)
        return __real_sendmsg(fd, message, flags);
    auto shorter = *message;
    iovec first = *message->msg_iov;
    first.iov_len = std::min(first.iov_len, most);
    shorter.msg_iov = &first;
    shorter.msg_iovlen = 1;
    return __real_sendmsg(fd, &shorter, flags);
}

int __real_setsockopt(int, int, int, const void*, socklen_t);
int __wrap_setsockopt(int fd, int level, int name, const void* value, socklen_t size) {
    return note(system_call::setsockopt, fd) ? -1 : __real_setsockopt(fd, level, name, value, size);
}

int __real_shutdown(int, int);
int __wrap_shutdown(int fd, int how) {
    return note(system_call::shutdown, fd) ? -1 : __real_shutdown(fd, how);
}

int __real_socket(int, int, int);
int __wrap_socket(int family, int type, int protocol) {
    return note(system_call::socket, -1) ? -1 : __real_socket(family, type, protocol);
}

ssize_t __real_splice(int, off64_t*, int, off64_t*, size_t, unsigned);
ssize_t __wrap_splice(int in, off64_t* in_at, int out, off64_t* out_at, size_t size, unsigned flags) {
    return note(system_call::splice, in) ? -1 : __real_splice(in, in_at, out, out_at, size, flags);
}

ssize_t __real_write(int, const void*, size_t);
ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
    return note(system_call::write, fd) ? -1 : __real_write(fd, bytes, size);
}

} // extern "C"
