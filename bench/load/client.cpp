// SPDX-License-Identifier: BSL-1.0
// What every kind of load needs.
#include "client.hpp"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace snipass::bench {

namespace {

constexpr int batch = 256;

} // namespace

void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

const bytes& target::next_hello() noexcept {
    constexpr std::size_t last_random_byte = 5 + 4 + 2 + 31; // headers of record and message, version
    constexpr std::uint8_t handshake = 22;
    if (hello.front() == handshake && hello.size() > last_random_byte)
        for (auto at = last_random_byte; ++hello[at] == 0 && at > last_random_byte - 8; --at) {
        }
    return hello;
}

target make_target(std::uint16_t port, const std::string& hello_file) {
    std::ifstream file{hello_file, std::ios::binary};
    target to;
    to.hello.assign(std::istreambuf_iterator<char>{file}, {});
    if (to.hello.empty())
        throw std::runtime_error(hello_file + ": no hello there");
    to.address.sin_family = AF_INET;
    to.address.sin_port = htons(port);
    to.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return to;
}

os::unique_fd connect_client(const target& to, std::uint32_t source) {
    os::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd)
        return fd;
    const int on = 1;
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (source != 0) {
        sockaddr_in from{};
        from.sin_family = AF_INET;
        from.sin_addr.s_addr = htonl(0x7f000000U | source);
        (void)::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0)
            fail("bind");
    }
    const int result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.address), sizeof to.address);
    if (result != 0 && errno != EINPROGRESS)
        fd.reset();
    return fd;
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        fail("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        fail("setrlimit");
}

epoll_set::epoll_set() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!fd_)
        fail("epoll_create1");
}

void epoll_set::add(int fd, std::uint32_t events, std::uint64_t tag) {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.u64 = tag;
    if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &wanted) != 0)
        fail("epoll_ctl");
}

const std::vector<epoll_set::event>& epoll_set::wait(clock::time_point deadline) {
    using std::chrono::nanoseconds;
    const auto left = std::max(nanoseconds{0}, nanoseconds{deadline - clock::now()}).count();
    const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
    std::array<epoll_event, batch> events;
    const int n = ::epoll_pwait2(fd_.get(), events.data(), batch, &timeout, nullptr);
    if (n < 0 && errno != EINTR)
        fail("epoll_pwait2");
    ready_.clear();
    for (int i = 0; i < n; ++i) {
        const auto& one = events[static_cast<std::size_t>(i)];
        ready_.push_back({one.events, one.data.u64});
    }
    return ready_;
}

percentiles summarize(std::vector<std::uint32_t>& nanoseconds) {
    if (nanoseconds.empty())
        return {};
    std::ranges::sort(nanoseconds);
    const auto at = [&](double share) {
        const auto last = static_cast<double>(nanoseconds.size() - 1);
        return nanoseconds[static_cast<std::size_t>(share * last)] / 1000.0;
    };
    const auto slow = std::ranges::end(nanoseconds) - std::ranges::upper_bound(nanoseconds, 5'000'000U);
    return {at(0.5), at(0.99), at(0.999), at(1), static_cast<std::size_t>(slow)};
}

} // namespace snipass::bench
