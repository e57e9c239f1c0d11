// SPDX-License-Identifier: BSL-1.0
// epoll(7).
#include "snipass/os/epoll.hpp"

#include "snipass/os/error.hpp"

#include <boost/system/system_error.hpp>

#include <poll.h>

#include <algorithm>
#include <climits>

namespace snipass::os {

epoll::epoll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!fd_)
        throw boost::system::system_error{last_error(), "epoll_create1"};
}

error_code epoll::add(int fd, std::uint64_t tag) {
    return control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET, tag);
}

error_code epoll::add_shared(int fd, std::uint64_t tag) {
    return control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, tag);
}

error_code epoll::add_once(int fd, std::uint32_t events, std::uint64_t tag) {
    return control(EPOLL_CTL_ADD, fd, events | EPOLLONESHOT, tag);
}

error_code epoll::rearm_once(int fd, std::uint32_t events, std::uint64_t tag) {
    return control(EPOLL_CTL_MOD, fd, events | EPOLLONESHOT, tag);
}

error_code epoll::control(int operation, int fd, std::uint32_t events, std::uint64_t tag) {
    epoll_event what{};
    what.events = events;
    what.data.u64 = tag;
    return ::epoll_ctl(fd_.get(), operation, fd, &what) == 0 ? error_code{} : last_error();
}

void epoll::remove(int fd) {
    (void)::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); // fails only for one that was not added
}

std::size_t epoll::wait(std::span<epoll_event> events, std::chrono::steady_clock::time_point until) {
    using std::chrono::milliseconds;
    int timeout = -1;
    if (until != std::chrono::steady_clock::time_point::max()) {
        const auto now = std::chrono::steady_clock::now();
        // Not `until - now`, which overflows for a time in the far past.
        const auto left = until > now ? std::chrono::ceil<milliseconds>(until - now) : milliseconds{0};
        timeout = static_cast<int>(std::min<milliseconds::rep>(left.count(), INT_MAX));
    }
    const int n = ::epoll_wait(fd_.get(), events.data(), static_cast<int>(events.size()), timeout);
    return n > 0 ? static_cast<std::size_t>(n) : 0; // EINTR: they are still there
}

bool is_ready(int fd, std::uint32_t events) noexcept {
    static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLRDHUP == POLLRDHUP);
    pollfd one{fd, static_cast<short>(events), 0};
    return ::poll(&one, 1, 0) > 0;
}

} // namespace snipass::os
