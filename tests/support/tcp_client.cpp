// SPDX-License-Identifier: BSL-1.0
#include "tcp_client.hpp"

#include "snipass/os/tcp.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace snipass::testing {
namespace {

using namespace std::chrono_literals;

void must(bool good, const char* what) {
    if (!good)
        throw std::system_error{errno, std::system_category(), what};
}

void set(int fd, int level, int name, int value) {
    must(::setsockopt(fd, level, name, &value, sizeof value) == 0, "setsockopt");
}

os::unique_fd new_socket(const ip_endpoint& for_address, int flags = 0) {
    const int family = for_address.address.is_v4() ? AF_INET : AF_INET6;
    os::unique_fd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)};
    must(bool{fd}, "socket");
    return fd;
}

os::unique_fd connected_to(const ip_endpoint& server, const std::optional<ip_address>& source) {
    auto fd = new_socket(server);
    sockaddr_storage storage;
    if (source) {
        const auto from = os::to_sockaddr({*source, 0}, storage);
        must(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), from) == 0, "bind");
    }
    const auto size = os::to_sockaddr(server, storage);
    must(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0, "connect");
    return fd;
}

// polled looks again every millisecond, until `done`.
template <class Done>
void polled(Done done, const char* what) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end)
            throw std::runtime_error{std::string{"never came: "} + what};
        std::this_thread::sleep_for(1ms);
    }
}

} // namespace

bool is_readable(int fd, std::chrono::milliseconds limit) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, static_cast<int>(limit.count())) == 1;
}

int option_of(int fd, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    must(::getsockopt(fd, level, name, &value, &size) == 0, "getsockopt");
    return value;
}

std::size_t unread(int fd) {
    int size = 0;
    must(::ioctl(fd, FIONREAD, &size) == 0, "FIONREAD");
    return static_cast<std::size_t>(size);
}

void wait_until_unread(int fd, std::size_t n) {
    polled([fd, n] { return unread(fd) >= n; }, "unread bytes");
}

tcp_client::tcp_client(const ip_endpoint& server, const std::optional<ip_address>& source)
    : tcp_client(connected_to(server, source)) {}

tcp_client::tcp_client(os::unique_fd connected) : fd_(std::move(connected)) {
    set(fd_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    const timeval limit{patience.count(), 0};
    must(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0, "SO_RCVTIMEO");
    must(::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0, "SO_SNDTIMEO");
}

ip_endpoint tcp_client::local() const {
    return bound_to(fd_.get());
}

void tcp_client::send(byte_view bytes) const {
    while (!bytes.empty()) {
        const auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        must(n > 0, "send");
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
}

void tcp_client::send_segment(byte_view bytes) const {
    send(bytes);
    polled(
        [this] {
            int left = 0;
            must(::ioctl(fd_.get(), SIOCOUTQ, &left) == 0, "SIOCOUTQ");
            return left == 0;
        },
        "an acknowledgement");
}

void tcp_client::send_urgent(std::uint8_t byte) const {
    must(::send(fd_.get(), &byte, 1, MSG_OOB | MSG_NOSIGNAL) == 1, "MSG_OOB");
}

void tcp_client::finish() const {
    must(::shutdown(fd_.get(), SHUT_WR) == 0, "shutdown");
}

void tcp_client::reset() {
    os::close_with_reset(std::move(fd_));
}

std::string tcp_client::receive(std::size_t n) const {
    std::string heard(n, '\0');
    const auto got = ::recv(fd_.get(), heard.data(), n, MSG_WAITALL);
    must(got >= 0, "recv");
    if (static_cast<std::size_t>(got) != n)
        throw std::runtime_error{"the connection ended after " + std::to_string(got) + " bytes of " +
                                 std::to_string(n)};
    return heard;
}

ending tcp_client::read_to_end(std::string& heard) const {
    std::array<char, 65'536> chunk;
    for (;;) {
        const auto n = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
        if (n == 0)
            return ending::fin;
        if (n < 0 && errno == ECONNRESET)
            return ending::reset;
        must(n > 0, "recv");
        heard.append(chunk.data(), static_cast<std::size_t>(n));
    }
}

ending tcp_client::read_to_end() const {
    std::string ignored;
    return read_to_end(ignored);
}

os::unique_fd plain_listener(const std::string& address, int backlog) {
    const ip_endpoint at{*ip_address::parse(address), 0};
    auto fd = new_socket(at);
    sockaddr_storage storage;
    const auto size = os::to_sockaddr(at, storage);
    must(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0, "bind");
    must(::listen(fd.get(), backlog) == 0, "listen");
    return fd;
}

ip_endpoint bound_to(int fd) {
    return os::local_endpoint(fd).value();
}

os::unique_fd accept_plain(int listener) {
    if (!is_readable(listener))
        throw std::runtime_error{"nobody connected"};
    os::unique_fd fd{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    must(bool{fd}, "accept4");
    return fd;
}

tcp_connection::tcp_connection(const std::string& address)
    : listener(plain_listener(address)), client(bound_to(listener.get())),
      accepted(accept_plain(listener.get())) {}

} // namespace snipass::testing
