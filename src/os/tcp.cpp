// SPDX-License-Identifier: BSL-1.0
// TCP sockets: listen, accept, look, refuse.
#include "snipass/os/tcp.hpp"

#include "snipass/os/error.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>

namespace snipass::os {
namespace {

// As many connections as the system allows wait for accept4; net.core.somaxconn cuts this (listen(2)).
constexpr int backlog = 65'535;

// The kernel rounds this up to a retransmission of SYN-ACK: a client that is silent that long is accepted all
// the same.
constexpr int defer_accept_seconds = 1;

// Loopback's segments have 64 KiB; two of them are room enough for any network's.
constexpr std::size_t long_wait = 32'768;
constexpr std::size_t long_wait_headroom = 131'072;

// More than any hello, and half a millisecond's work: whoever asks for all there is has other clients.
constexpr std::size_t read_away_max = 1U << 20;

error_code set_option(int fd, int level, int name, int value) {
    if (::setsockopt(fd, level, name, &value, sizeof value) != 0)
        return last_error();
    return {};
}

template <class Address>
Address read_as(const sockaddr_storage& storage) {
    Address address;
    std::memcpy(&address, &storage, sizeof address);
    return address;
}

} // namespace

std::optional<ip_endpoint> to_endpoint(const sockaddr_storage& storage) noexcept {
    if (storage.ss_family == AF_INET) {
        const auto v4 = read_as<sockaddr_in>(storage);
        std::array<std::uint8_t, 4> bytes;
        std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
        return ip_endpoint{ip_address::v4(bytes), ntohs(v4.sin_port)};
    }
    if (storage.ss_family == AF_INET6) {
        const auto v6 = read_as<sockaddr_in6>(storage);
        ip_address::bytes_type bytes;
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        return ip_endpoint{ip_address{bytes}, ntohs(v6.sin6_port)};
    }
    return std::nullopt;
}

socklen_t to_sockaddr(const ip_endpoint& endpoint, sockaddr_storage& storage, unsigned interface) noexcept {
    storage = {};
    if (endpoint.address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        std::memcpy(&v4.sin_addr, endpoint.address.v4_bytes().data(), sizeof v4.sin_addr);
        std::memcpy(&storage, &v4, sizeof v4);
        return sizeof v4;
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    v6.sin6_scope_id = interface;
    std::memcpy(&v6.sin6_addr, endpoint.address.bytes().data(), sizeof v6.sin6_addr);
    std::memcpy(&storage, &v6, sizeof v6);
    return sizeof v6;
}

result<ip_endpoint> local_endpoint(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return last_error();
    const auto endpoint = to_endpoint(storage);
    if (!endpoint)
        return make_error(EAFNOSUPPORT);
    return *endpoint;
}

result<ip_endpoint> peer_endpoint(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return last_error();
    const auto endpoint = to_endpoint(storage);
    if (!endpoint)
        return make_error(EAFNOSUPPORT);
    return *endpoint;
}

result<unique_fd> listen_tcp(const ip_endpoint& endpoint, unsigned interface) {
    const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
    unique_fd fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)};
    if (!fd)
        return last_error();
    if (auto ec = set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1))
        return ec;
    if (family == AF_INET6) {
        const bool any = endpoint.address == ip_address{};
        if (auto ec = set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, any ? 0 : 1))
            return ec;
    }
    sockaddr_storage storage;
    const socklen_t size = to_sockaddr(endpoint, storage, interface);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0)
        return last_error();
    if (auto ec = prepare_listener(fd.get()))
        return ec;
    if (::listen(fd.get(), backlog) != 0)
        return last_error();
    return fd;
}

bool is_listening(int fd) {
    int listening = 0;
    socklen_t size = sizeof listening;
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

bool is_connected(int fd) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    return ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

bool may_bind_any_port() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0)
        return false;
    return (sets[CAP_TO_INDEX(CAP_NET_BIND_SERVICE)].effective & CAP_TO_MASK(CAP_NET_BIND_SERVICE)) != 0;
}

int first_unprivileged_port() {
    int port = 1024;
    std::ifstream{"/proc/sys/net/ipv4/ip_unprivileged_port_start"} >> port; // a sandbox may hide it
    return port;
}

error_code prepare_listener(int fd) {
    if (auto ec = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1))
        return ec;
    take_urgent_inline(fd);
    int seconds = 0;
    socklen_t size = sizeof seconds;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, &size) == 0 && seconds > 0)
        return {};
    return set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, defer_accept_seconds);
}

result<std::size_t> accept_queue_size(int listener) {
    tcp_info info; // only the first `size` bytes are set
    socklen_t size = offsetof(tcp_info, tcpi_unacked) + sizeof info.tcpi_unacked;
    if (::getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return last_error();
    if (info.tcpi_state != TCP_LISTEN)
        return make_error(EINVAL);
    return info.tcpi_unacked;
}

result<accepted> accept_client(int listener) {
    sockaddr_storage storage;
    socklen_t size = sizeof storage;
    unique_fd fd{::accept4(listener, reinterpret_cast<sockaddr*>(&storage), &size, SOCK_CLOEXEC)};
    if (!fd)
        return last_error();
    const auto client = to_endpoint(storage);
    if (!client)
        return make_error(EAFNOSUPPORT);
    return accepted{std::move(fd), *client};
}

result<std::size_t> peek(int fd, std::span<std::uint8_t> buffer) {
    const auto n = ::recv(fd, buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
    if (n < 0)
        return last_error();
    return static_cast<std::size_t>(n);
}

result<std::size_t> read_away(int fd, std::size_t n) {
    n = std::min(n, read_away_max);
    std::array<std::uint8_t, 4096> buffer;
    std::size_t all = 0;
    while (all < n) {
        const auto taken = ::recv(fd, buffer.data(), std::min(buffer.size(), n - all), MSG_DONTWAIT);
        if (taken < 0 && all == 0)
            return last_error();
        if (taken <= 0)
            break;
        all += static_cast<std::size_t>(taken);
    }
    return all;
}

result<std::size_t> discard(int fd, std::size_t n) {
    const auto taken = ::recv(fd, nullptr, n, MSG_TRUNC | MSG_DONTWAIT);
    if (taken >= 0)
        return static_cast<std::size_t>(taken);
    return errno == EFAULT ? read_away(fd, n) : last_error();
}

void set_nonblocking(int fd) {
    (void)::fcntl(fd, F_SETFL, O_NONBLOCK); // of a socket that is there it does not fail
}

error_code wait_for_bytes(int fd, std::size_t n) {
    // The kernel sizes the buffer for n bytes in large segments and closes the window when less than one
    // segment is free, so a long wait could never end. Asking for more first makes it larger; the buffer
    // never shrinks again.
    if (n > long_wait) {
        if (auto ec = set_option(fd, SOL_SOCKET, SO_RCVLOWAT, static_cast<int>(n + long_wait_headroom)))
            return ec;
    }
    return set_option(fd, SOL_SOCKET, SO_RCVLOWAT, static_cast<int>(n));
}

error_code make_room(int fd, std::size_t n) {
    return set_option(fd, SOL_SOCKET, SO_RCVLOWAT, static_cast<int>(n));
}

error_code send_now(int fd, byte_view bytes) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return last_error();
    return static_cast<std::size_t>(sent) == bytes.size() ? error_code{} : make_error(ENOBUFS);
}

bool peer_has_closed(int fd) {
    pollfd one{fd, POLLRDHUP, 0};
    return ::poll(&one, 1, 0) > 0;
}

bool finish(int fd, byte_view last_words) {
    constexpr std::size_t all = 1U << 30;
    const auto drained = read_away(fd, all);
    const bool client_is_done = drained && drained.value() == 0;
    if (!last_words.empty()) {
        // Into an empty send buffer: what does not fit, the client has not made room for. A redirect is as
        // long as the target that was asked for.
        constexpr std::size_t any_buffer = 4'096;
        // The kernel would keep what a client does not take for minutes, and nobody counts that any more.
        constexpr int patience_ms = 10'000;
        if (last_words.size() > any_buffer) {
            (void)set_option(fd, SOL_SOCKET, SO_SNDBUF, static_cast<int>(2 * last_words.size()));
            (void)set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, patience_ms);
        }
        (void)::send(fd, last_words.data(), last_words.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    (void)::shutdown(fd, SHUT_WR); // ENOTCONN: reset meanwhile
    return client_is_done || peer_has_closed(fd);
}

void watch_peer(int fd, std::chrono::milliseconds keepalive, std::chrono::milliseconds user_timeout) {
    if (keepalive.count() > 0) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(keepalive).count();
        (void)set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        // After it: only then does the kernel count the silence that there was before.
        (void)set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(seconds)); // not TCP: not needed
    }
    if (user_timeout.count() > 0)
        (void)set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(user_timeout.count()));
}

void send_at_once(int fd) {
    (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

void take_urgent_inline(int fd) {
    (void)set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
}

void close_with_reset(unique_fd fd) {
    const linger now{1, 0};
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd.reset();
}

} // namespace snipass::os
