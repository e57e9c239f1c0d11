// SPDX-License-Identifier: BSL-1.0
// The sending half of docs/handoff.md for the tests of libsnipass, in pieces, so that a test can leave out or
// bend any.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace handoff_test {

class test_fd {
  public:
    explicit test_fd(int fd) : fd_(fd) {
        if (fd < 0)
            throw std::runtime_error(std::string("no descriptor: ") + std::strerror(errno));
    }
    test_fd(test_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~test_fd() { reset(); }
    [[nodiscard]] int get() const { return fd_; }
    void reset() {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = -1;
    }

  private:
    int fd_;
};

inline std::size_t open_descriptors() {
    auto entries = std::filesystem::directory_iterator("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

// A folder that is gone with its content when the test is over.
struct temporary_folder {
    std::filesystem::path path;
    temporary_folder() {
        char name[] = "/tmp/snipass-XXXXXX";
        if (mkdtemp(name) == nullptr)
            throw std::runtime_error("mkdtemp");
        path = name;
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() { std::filesystem::remove_all(path); }
};

// tcp_pair is a client: its own end, and the router's.
struct tcp_pair {
    test_fd far;
    test_fd near;
};

inline tcp_pair make_tcp_pair() {
    test_fd listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener.get(), generic, size) != 0 || listen(listener.get(), 1) != 0 ||
        getsockname(listener.get(), generic, &size) != 0)
        throw std::runtime_error("no loopback listener");
    test_fd far{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (connect(far.get(), generic, size) != 0)
        throw std::runtime_error("no loopback connection");
    test_fd near{accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    return {std::move(far), std::move(near)};
}

using byte_string = std::vector<std::uint8_t>;

inline void append(byte_string& to, std::string_view text) {
    to.insert(to.end(), text.begin(), text.end());
}

inline void append_tlv(byte_string& to, std::uint8_t type, std::string_view value) {
    to.push_back(type);
    to.push_back(static_cast<std::uint8_t>(value.size() >> 8));
    to.push_back(static_cast<std::uint8_t>(value.size()));
    append(to, value);
}

// header_around puts signature, command, family and length in front of `rest`.
inline byte_string header_around(std::uint8_t command, std::uint8_t family, const byte_string& rest) {
    byte_string header;
    append(header, std::string_view("\r\n\r\n\0\r\nQUIT\n", 12));
    header.push_back(command);
    header.push_back(family);
    header.push_back(static_cast<std::uint8_t>(rest.size() >> 8));
    header.push_back(static_cast<std::uint8_t>(rest.size()));
    header.insert(header.end(), rest.begin(), rest.end());
    return header;
}

// The header of docs/handoff.md's example: from 192.0.2.7:50000 to 198.51.100.1:443.
inline byte_string example_header() {
    byte_string rest{192, 0, 2, 7, 198, 51, 100, 1, 0xc3, 0x50, 0x01, 0xbb};
    append_tlv(rest, 0x02, "blog.example.com");
    append_tlv(rest, 0x01, "h2");
    append_tlv(rest, 0x05, std::string_view("\x8f\x3c\x1e\x02\xd9\x4b\xa7\x65\0\0\0\0\0\0\0\x2a", 16));
    return header_around(0x21, 0x11, rest);
}

inline sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

inline test_fd connect_unix(const std::string& path, int type = SOCK_STREAM) {
    const auto address = unix_address(path);
    test_fd connection{socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
    if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("connect " + path + ": " + std::strerror(errno));
    return connection;
}

inline ssize_t send_with(const test_fd& connection, std::span<const std::uint8_t> bytes,
                         std::span<const int> fds, int flags = 0) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 253)]{}; // the most that one message may carry
    iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        auto* rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }
    return sendmsg(connection.get(), &message, MSG_NOSIGNAL | flags);
}

inline bool is_readable(int fd, int ms = 0) {
    pollfd p{fd, POLLIN, 0};
    return poll(&p, 1, ms) == 1;
}

enum class answer {
    ack,
    closed,
    nothing
};

// answer_of reads what the receiver said, without waiting.
inline answer answer_of(const test_fd& connection) {
    std::uint8_t byte = 0;
    const auto n = recv(connection.get(), &byte, 1, MSG_DONTWAIT);
    if (n == 1)
        return byte == 0x06 ? answer::ack : throw std::runtime_error("neither ACK nor end of file");
    return n < 0 && errno == EAGAIN ? answer::nothing : answer::closed;
}

} // namespace handoff_test
