// SPDX-License-Identifier: BSL-1.0
#include "unix_backend.hpp"

#include "snipass/os/unix_socket.hpp"
#include "tcp_client.hpp"

#include <sys/un.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace snipass::testing {
namespace {

void must(bool good, const char* what) {
    if (!good)
        throw std::system_error{errno, std::system_category(), what};
}

} // namespace

std::string abstract_name() {
    static std::atomic<unsigned> last = 0;
    return "@snipass-test-" + std::to_string(::getpid()) + "-" + std::to_string(++last);
}

os::unique_fd listen_unix(const std::string& path, int type, int backlog) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const bool abstract = path.front() == '@';
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (abstract)
        address.sun_path[0] = '\0';
    const auto size = offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1);
    os::unique_fd fd{::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    must(bool{fd}, "socket");
    must(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) == 0,
         "bind");
    if (type == SOCK_STREAM)
        must(::listen(fd.get(), backlog) == 0, "listen");
    return fd;
}

unix_message receive_unix(int socket) {
    if (!is_readable(socket))
        throw std::runtime_error{"no message came"};
    unix_message received;
    received.data.resize(1U << 20);
    alignas(cmsghdr) std::array<std::byte, 256> control;
    iovec part{received.data.data(), received.data.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    must(n >= 0, "recvmsg");
    received.ended = n == 0;
    received.data.resize(static_cast<std::size_t>(n));
    for (auto* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
        for (std::size_t at = 0; CMSG_LEN(at) < one->cmsg_len; at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(one) + at, sizeof fd);
            received.fds.emplace_back(fd);
        }
    }
    return received;
}

stream_backend::offer stream_backend::receive() const {
    if (!is_readable(listener_.get()))
        throw std::runtime_error{"the router did not connect"};
    offer one;
    one.connection = os::unique_fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    must(bool{one.connection}, "accept4");
    auto message = receive_unix(one.connection.get());
    if (message.fds.size() != 1)
        throw std::runtime_error{std::to_string(message.fds.size()) + " descriptors came"};
    one.header = std::move(message.data);
    one.client = std::move(message.fds.front());
    return one;
}

int stream_backend::offer::answer(std::uint8_t byte) const {
    return ::send(connection.get(), &byte, 1, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

void stream_backend::offer::wait_for_end() const {
    if (!receive_unix(connection.get()).ended)
        throw std::runtime_error{"the router sent more than the header"};
}

os::unique_fd stream_backend::take() const {
    auto one = receive();
    if (const auto error = one.answer(); error != 0)
        throw std::system_error{error, std::system_category(), "ACK"};
    one.wait_for_end();
    return std::move(one.client);
}

datagram_backend::taken datagram_backend::receive() const {
    auto message = receive_unix(socket_.get());
    if (message.fds.size() != 1)
        throw std::runtime_error{std::to_string(message.fds.size()) + " descriptors came"};
    return {std::move(message.data), std::move(message.fds.front())};
}

// A sender's own buffer may be full before the queue is, which has 512 places where systemd runs
// (net.unix.max_dgram_qlen).
std::size_t fill_queue(const std::string& path) {
    for (std::size_t all = 0;;) {
        const auto sender = os::connect_unix(path, SOCK_DGRAM).value();
        const auto before = all;
        while (::send(sender.get(), "x", 1, MSG_DONTWAIT) == 1)
            ++all;
        must(errno == EAGAIN, "send");
        if (all == before)
            return all;
    }
}

std::vector<os::unique_fd> fill_backlog(const std::string& path) {
    std::vector<os::unique_fd> waiting;
    for (;;) {
        auto one = os::connect_unix(path, SOCK_STREAM);
        if (!one) {
            if (one.error().value() != EAGAIN)
                throw std::runtime_error{one.error().message()};
            return waiting;
        }
        waiting.push_back(std::move(*one));
    }
}

} // namespace snipass::testing
