// SPDX-License-Identifier: BSL-1.0
// Sockets for tests.
#include "sockets.hpp"

#include <fcntl.h>
#include <linux/tcp.h> // newer than the C library's
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace snipass::testing {
namespace {

void check(bool good, const char* what) {
    if (!good)
        throw std::system_error{errno, std::generic_category(), what};
}

void limit_reads(const os::unique_fd& fd) {
    const timeval limit{10, 0};
    check(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0, "SO_RCVTIMEO");
    check(::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0, "SO_SNDTIMEO");
}

} // namespace

socket_pair tcp_pair() {
    return tcp_pair_into(0);
}

socket_pair tcp_pair_into(int far_buffer) {
    const os::unique_fd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (far_buffer > 0)
        check(::setsockopt(listener.get(), SOL_SOCKET, SO_RCVBUF, &far_buffer, sizeof far_buffer) == 0,
              "SO_RCVBUF");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    check(::bind(listener.get(), raw, size) == 0 && ::listen(listener.get(), 1) == 0, "listen");
    check(::getsockname(listener.get(), raw, &size) == 0, "getsockname");
    socket_pair pair{os::unique_fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}, {}};
    check(::connect(pair.near.get(), raw, size) == 0, "connect");
    pair.far = os::unique_fd{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    check(static_cast<bool>(pair.far), "accept4");
    limit_reads(pair.near);
    return pair;
}

socket_pair unix_pair() {
    int fds[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
    socket_pair pair{os::unique_fd{fds[0]}, os::unique_fd{fds[1]}};
    limit_reads(pair.near);
    return pair;
}

void set_nonblocking(const os::unique_fd& fd) {
    check(::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0, "O_NONBLOCK");
}

void set_buffers(const os::unique_fd& fd, int send, int receive) {
    check(::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &send, sizeof send) == 0, "SO_SNDBUF");
    check(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive) == 0, "SO_RCVBUF");
}

void say(const os::unique_fd& fd, std::string_view text) {
    while (!text.empty()) {
        const auto n = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
        check(n > 0, "send");
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

void say_end(const os::unique_fd& fd) {
    check(::shutdown(fd.get(), SHUT_WR) == 0, "shutdown");
}

void reset(os::unique_fd fd) {
    const linger now{1, 0};
    check(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0, "SO_LINGER");
    fd.reset();
}

heard hear(const os::unique_fd& fd) {
    heard all;
    std::array<char, 65'536> chunk;
    for (;;) {
        const auto n = ::recv(fd.get(), chunk.data(), chunk.size(), 0);
        if (n > 0) {
            all.text.append(chunk.data(), static_cast<std::size_t>(n));
            continue;
        }
        all.end = n == 0 ? "FIN" : errno == ECONNRESET ? "RST" : "nothing";
        return all;
    }
}

std::string hear_some(const os::unique_fd& fd, std::size_t size) {
    std::string text(size, '\0');
    std::size_t got = 0;
    while (got < size) {
        const auto n = ::recv(fd.get(), text.data() + got, size - got, 0);
        if (n <= 0)
            break;
        got += static_cast<std::size_t>(n);
    }
    text.resize(got);
    return text;
}

std::uint32_t segments_received(const os::unique_fd& fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    check(::getsockopt(fd.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0, "TCP_INFO");
    return info.tcpi_segs_in;
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all{"/proc/self/fd"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

} // namespace snipass::testing
