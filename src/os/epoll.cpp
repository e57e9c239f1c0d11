// epoll(7).
#include "snipass/os/epoll.hpp"

#include "snipass/os/error.hpp"

#include <boost/system/system_error.hpp>

namespace snipass::os {

epoll::epoll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!fd_)
        throw boost::system::system_error{last_error(), "epoll_create1"};
}

error_code epoll::add(int fd, std::uint64_t tag) {
    epoll_event what{};
    what.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    what.data.u64 = tag;
    return ::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &what) == 0 ? error_code{} : last_error();
}

void epoll::remove(int fd) {
    (void)::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); // fails only for one that was not added
}

std::size_t epoll::ready(std::span<epoll_event> events) {
    const int n = ::epoll_wait(fd_.get(), events.data(), static_cast<int>(events.size()), 0);
    return n > 0 ? static_cast<std::size_t>(n) : 0; // EINTR: they are still there
}

} // namespace snipass::os
